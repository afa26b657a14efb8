/**
 * The OpenAI-compatible server: a handler of requests, one that listens, and the command line's `serve`.
 *
 * @example A key for a client
 * ```ts
 * import { createKey, readKeys } from "@llm-training/llm-training/inference/server";
 *
 * const file = `${await Deno.makeTempDir()}/keys.json`;
 * const { secret } = await createKey(file, { name: "a client" });
 * const [stored] = await readKeys(file);
 * if (stored?.name !== "a client") throw new Error("it is written down");
 * if (JSON.stringify(stored).includes(secret)) throw new Error("but the secret is not");
 * ```
 *
 * @module
 */

export type { AccessEntry } from "./http/access_entry.ts";
export { createServer, type Handler, type ServerOptions } from "./create_server.ts";
export { type RunningServer, serve, type ServeOptions } from "./serve.ts";
export {
  type ApiKey,
  type CreatedKey,
  createKey,
  KEY_ROLES,
  type KeyRole,
  type NewKey,
  readKeys,
  revokeKey,
  type StoredKey,
} from "./keys/key_file.ts";
export { joinedKeys, type KeyRing, keysOfFile, singleKey } from "./keys/key_ring.ts";
export type { CallableFunction } from "./constraints/tool_grammar.ts";
export { TOOL_FORMATS, type ToolFormat } from "./tools/tool_format.ts";
export { hashModel } from "./model_hash.ts";
export { createModelHost, type ModelHost } from "./hosting/model_host.ts";
export type { HostedModel, ModelHostOptions, RemoveOptions } from "./hosting/host_options.ts";
export type { LoadDefaults, ModelSpec } from "./hosting/model_spec.ts";
export {
  type CountedModel,
  givenModels,
  type ListedName,
  type ModelDirectory,
  type Resolution,
} from "./hosting/directory.ts";
export type { AliasChange, AliasRecord, LiveAlias } from "./hosting/alias.ts";
export type {
  Canary,
  CanarySettings,
  CanaryState,
  Outcome,
  SideCounts,
  Trial,
  TrialSide,
} from "./hosting/canary.ts";
export {
  fileStore,
  type HostState,
  type HostStore,
  memoryStore,
  type ModelRecord,
  type RetiredAlias,
} from "./hosting/host_state.ts";
export {
  HOST_ERROR_CODES,
  HostError,
  type HostErrorCode,
  type HostErrorOptions,
} from "./hosting/host_error.ts";
export type { Pull, Pulls, PullsOptions } from "./hosting/pulls.ts";
export type { PullFile, PullSpec } from "./hosting/pull_spec.ts";
export type { FetchFileOptions } from "./hosting/fetch_file.ts";
export { MODEL_STATES, type ModelLease, type ModelState, type PooledModel } from "./model_pool.ts";
export { DEFAULT_PORT } from "./serve_settings.ts";
export { createLocalService, type ServiceLimits } from "./local_service.ts";
export {
  openWorkerService,
  type WorkerHandle,
  type WorkerServiceOptions,
} from "./worker_service.ts";
export type { ErrorData, LoadRequest, WorkerReply, WorkerRequest } from "./worker_protocol.ts";
export {
  INFERENCE_ERROR_CODES,
  InferenceError,
  type InferenceErrorCode,
} from "./inference_error.ts";
export type { ConstraintSpec } from "./constraints.ts";
export type { TokenConstraint } from "./generation/token_constraint.ts";
export type { BatcherCounts, BatcherOptions } from "./generation/batcher.ts";
export type { NamedAdapter } from "./generation/load_adapters.ts";
export {
  WEIGHT_TYPES,
  WEIGHT_WISHES,
  type WeightType,
  type WeightWish,
} from "./generation/weight_types.ts";
export type {
  Completion,
  CompletionEvent,
  CompletionRequest,
  Embedding,
  EmbeddingInfo,
  EmbeddingRequest,
  EncodedPrompt,
  EncodeRequestOptions,
  InferenceService,
  LikelyToken,
  ModelInfo,
  NamedToken,
  Prompt,
  PromptTokens,
  ServiceStats,
  SubmitOptions,
  TextToken,
  TokenBias,
} from "./service.ts";
export { type Pooling, POOLINGS } from "./generation/pooling.ts";
export type { FinishReason } from "./generation/generation.ts";
export type { LoadedModel } from "./generation/loaded_model.ts";
export type {
  Decoder,
  DecoderMemory,
  DecoderSequence,
  ExtendOptions,
  Extension,
  OpenSequenceOptions,
} from "./generation/decoder.ts";
export type { KeyValueBlock, TokenRange } from "./generation/sequence_cache.ts";
export type { SamplingSettings } from "./generation/sampling.ts";
export type { PenaltySettings } from "./generation/penalties.ts";
export type {
  ChatMessage,
  DecodeOptions,
  EncodeOptions,
  RenderChatOptions,
  RenderedChat,
  Tokenizer,
} from "../models/tokenizer/tokenizer.ts";
export { DEVICE_WISHES, type DeviceWish } from "../engine/runtime/devices.ts";
export { type Device, DEVICES } from "../engine/runtime/session.ts";

/** Runs `serve` with a command line's arguments and returns the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const cli = await import("../cli/main.ts");
  return await cli.main(args, "llm-inference");
}

// not awaited: the command imports this module, which would never be evaluated
if (import.meta.main) main(Deno.args).then(Deno.exit);
