/**
 * Trains small language models, generates with them and serves them; ONNX Runtime computes.
 *
 * @example Training from scratch
 * ```ts ignore
 * import { train, TRAINING_DEFAULTS } from "@llm-training/llm-training";
 *
 * await train({
 *   config: { ...TRAINING_DEFAULTS, dataset: "data.jsonl", model: "1m", maxSteps: 500 },
 *   output: "runs/mine",
 *   onEvent: (event) => event.kind === "step" && console.log(event.metrics.loss),
 * });
 * ```
 *
 * @example Going on from a prompt
 * ```ts ignore
 * import { createLocalService, loadModel } from "@llm-training/llm-training";
 *
 * await using service = createLocalService(await loadModel("models/my-model", { device: "auto" }));
 * const { events } = await service.submit({
 *   prompts: [{ kind: "text", text: "Once upon a time" }],
 *   maxTokens: 100,
 * });
 * for await (const event of events) {
 *   if (event.type === "output") console.log(event.text);
 * }
 * ```
 *
 * @module
 */

export {
  type Clock,
  type Schedule,
  SCHEDULES,
  type StepMetrics,
  train,
  type TrainEvent,
  TRAINING_DEFAULTS,
  type TrainingConfig,
  type TrainOptions,
  type TrainResult,
} from "./src/core/train.ts";
export {
  type Completion,
  type CompletionEvent,
  type CompletionRequest,
  createLocalService,
  createServer,
  type Decoder,
  type Device,
  type DeviceWish,
  type Handler,
  type InferenceService,
  type LoadedModel,
  type ModelInfo,
  openWorkerService,
  type Prompt,
  serve,
  type ServeOptions,
  type ServerOptions,
  type Tokenizer,
} from "./src/inference/server.ts";
export { loadModel, type LoadModelOptions } from "./src/inference/generation/load_model.ts";
export { generate, type GenerateRequest } from "./src/inference/generation/generate.ts";
export type { GenerationEvent, GenerationRequest } from "./src/inference/generation/generation.ts";
export type { GeneratedToken, PlacedToken } from "./src/inference/generation/output_text.ts";
export { score, type ScoreOptions } from "./src/inference/generation/score.ts";
export type { ScoredToken, TokenLogprobs } from "./src/inference/generation/token_logprobs.ts";
export { NEUTRAL_SAMPLING, type SamplingSettings } from "./src/inference/generation/sampling.ts";
export { UserError } from "./src/utils/errors.ts";
