/**
 * Measures models: tasks, and what a model makes of each of their items.
 *
 * @example A task of what a skill makes
 * ```ts
 * import { openTask } from "@llm-training/llm-training/monitoring/evaluation";
 *
 * const task = await openTask("builtin:sorting", { limit: 5 });
 * if (task.items.length !== 5) throw new Error("as many as were asked for");
 * ```
 *
 * @module
 */

export { evaluate, type EvaluateOptions } from "./evaluate.ts";
export {
  createEvaluationModel,
  type EvaluationModel,
  type EvaluationModelOptions,
  type GeneratedText,
  type LabelScores,
  type LabelsRequest,
  type TextRequest,
} from "./evaluation_model.ts";
export {
  type EvaluatedModel,
  type Evaluation,
  type EvaluationSummary,
  type ItemResult,
  type MetricSummary,
  type Outcome,
  OUTCOMES,
  type Performance,
} from "./evaluation.ts";
export { readEvaluation, writeEvaluation } from "./evaluation_file.ts";
export { openTask, type OpenTaskOptions } from "./open_task.ts";
export { DATA_METRICS, type DataMetric } from "./data_task.ts";
export {
  type ChoicesRequest,
  type Continuation,
  type GenerateRequest,
  type LossRequest,
  type Scores,
  type Task,
  TASK_KINDS,
  type TaskIdentity,
  type TaskItem,
  type TaskKind,
  type TaskMetric,
  type TaskPrompt,
  type TaskRequest,
} from "./task.ts";
export type { Clock } from "../../utils/clock.ts";
