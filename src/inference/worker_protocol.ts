/**
 * The messages between a server and the worker, a thread or a process, that computes for it.
 *
 * @module
 */

import type { DeviceWish } from "../engine/runtime/devices.ts";
import { OutOfMemoryError } from "../engine/runtime/session_error.ts";
import { UserError } from "../utils/errors.ts";
import { InferenceError, type InferenceErrorCode } from "./inference_error.ts";
import type { Pooling } from "./generation/pooling.ts";
import type { NamedAdapter } from "./generation/load_adapters.ts";
import type { WeightWish } from "./generation/weight_types.ts";
import type { ServiceLimits } from "./local_service.ts";
import type {
  CompletionEvent,
  CompletionRequest,
  Embedding,
  EmbeddingRequest,
  EncodedPrompt,
  EncodeRequestOptions,
  ModelInfo,
  Prompt,
  PromptTokens,
  ServiceStats,
} from "./service.ts";

/** Which model to load, and how. */
export interface LoadRequest {
  /** The model's folder. */
  readonly folder: string;
  /** Folder of an adapter to put on it. @default {none} */
  readonly adapter?: string | undefined;
  /** Its name in the API. @default {as it is loaded} */
  readonly id?: string;
  /** Where to run it. */
  readonly device: DeviceWish;
  /** Why there. @default {as it is loaded} */
  readonly deviceReason?: string;
  /** CPU threads. @default {as the device has it} */
  readonly threads?: number;
  /** The form in which weights are held. @default {"f32"} */
  readonly weights?: WeightWish;
  /** Adapters of which each request may use one. @default {[]} */
  readonly adapters?: readonly NamedAdapter[];
  /** Whether the folder may be that of an encoder, which makes embeddings only. @default {false} */
  readonly embeds?: boolean;
  /** How hidden states become one vector. @default {as the folder says; else the last, of encoders the mean} */
  readonly pooling?: Pooling;
  /** SHA-256 of the files. @default {unknown} */
  readonly contentHash?: string;
  /** How much to take on. */
  readonly limits: ServiceLimits;
}

/** What the worker is told. */
export type WorkerRequest =
  | {
    readonly type: "load";
    readonly request: LoadRequest;
    /** Name of a lock to hold as long as a thread lives: there is no event of its end, as there is of a process's. */
    readonly lifeLock: string | undefined;
  }
  | { readonly type: "submit"; readonly id: number; readonly request: CompletionRequest }
  | { readonly type: "abort"; readonly id: number }
  | { readonly type: "stats"; readonly id: number }
  | {
    readonly type: "encode";
    readonly id: number;
    readonly prompt: Prompt;
    readonly options: EncodeRequestOptions;
  }
  | { readonly type: "embed"; readonly id: number; readonly request: EmbeddingRequest }
  | { readonly type: "ping" }
  | { readonly type: "close" };

/** What the worker answers. */
export type WorkerReply =
  | { readonly type: "alive" }
  | { readonly type: "loaded"; readonly model: ModelInfo }
  | { readonly type: "failed"; readonly error: ErrorData }
  | {
    readonly type: "accepted";
    readonly id: number;
    readonly prompts: readonly EncodedPrompt[];
  }
  | { readonly type: "event"; readonly id: number; readonly event: CompletionEvent }
  | { readonly type: "done"; readonly id: number }
  | { readonly type: "error"; readonly id: number; readonly error: ErrorData }
  | { readonly type: "stats"; readonly id: number; readonly stats: ServiceStats }
  | { readonly type: "encoded"; readonly id: number; readonly prompt: PromptTokens }
  | { readonly type: "embedded"; readonly id: number; readonly embeddings: readonly Embedding[] }
  | { readonly type: "pong" }
  | { readonly type: "crashed"; readonly error: ErrorData }
  | { readonly type: "batch"; readonly replies: readonly WorkerReply[] }
  | { readonly type: "closed" };

/** An error as it leaves its thread. */
export type ErrorData =
  | {
    readonly kind: "inference";
    readonly code: InferenceErrorCode;
    readonly message: string;
  }
  | { readonly kind: "user"; readonly message: string }
  | { readonly kind: "memory"; readonly message: string }
  | { readonly kind: "internal"; readonly message: string; readonly stack: string };

/** Describes anything that was thrown. */
export function toErrorData(error: unknown): ErrorData {
  if (error instanceof InferenceError) {
    return { kind: "inference", code: error.code, message: error.message };
  }
  if (error instanceof OutOfMemoryError) return { kind: "memory", message: error.message };
  if (error instanceof UserError) return { kind: "user", message: error.message };
  if (!(error instanceof Error)) return { kind: "internal", message: String(error), stack: "" };
  return { kind: "internal", message: error.message, stack: error.stack ?? "" };
}

/** Returns the error that {@linkcode toErrorData} described. */
export function fromErrorData(data: ErrorData): Error {
  switch (data.kind) {
    case "inference":
      return new InferenceError(data.code, data.message);
    case "memory":
      return new OutOfMemoryError(data.message);
    case "user":
      return new UserError(data.message);
    case "internal": {
      const error = new Error(data.message);
      if (data.stack !== "") error.stack = data.stack;
      return error;
    }
  }
}
