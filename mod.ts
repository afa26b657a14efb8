/**
 * Trains small language models, generates with them and serves them; ONNX Runtime computes.
 *
 * @example Training from scratch, and going on from a prompt
 * ```ts
 * import { createLocalService, loadModel, train, TRAINING_DEFAULTS } from "@llm-training/llm-training";
 *
 * const folder = await Deno.makeTempDir();
 * const dataset = `${folder}/rows.jsonl`;
 * await Deno.writeTextFile(dataset, '{"text": "one two three"}\n'.repeat(8));
 * const { checkpoint } = await train({
 *   config: { ...TRAINING_DEFAULTS, dataset, model: "demo", maxSteps: 2 },
 *   output: `${folder}/run`,
 * });
 *
 * await using service = createLocalService(await loadModel(checkpoint!, { device: "auto" }));
 * const { events } = await service.submit({
 *   prompts: [{ kind: "text", text: "one" }],
 *   maxTokens: 4,
 * });
 * const kinds = new Set<string>();
 * for await (const event of events) kinds.add(event.type);
 * if (!kinds.has("end")) throw new Error("it comes to an end");
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
