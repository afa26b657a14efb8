/**
 * Errors as OpenAI's API words them: the only place that turns errors into HTTP statuses.
 *
 * @module
 */

import { HostError, type HostErrorCode } from "../hosting/host_error.ts";
import { InferenceError, type InferenceErrorCode } from "../inference_error.ts";

/** The `error` object of a response. */
export interface ErrorBody {
  /** What is wrong. */
  readonly message: string;
  /** The kind of error. */
  readonly type: string;
  /** The field of the request that is wrong. */
  readonly param: string | null;
  /** The reason, for programs. */
  readonly code: string | null;
}

/** Options of {@linkcode ApiError}. */
export interface ApiErrorOptions extends ErrorOptions {
  /** The field of the request that is wrong. @default {null} */
  readonly param?: string | null;
  /** The reason, for programs. @default {null} */
  readonly code?: string | null;
  /** Response headers to add. @default {{}} */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown to answer a request with an error. */
export class ApiError extends Error {
  /** Name of the class. */
  override readonly name = "ApiError";
  /** HTTP status. */
  readonly status: number;
  /** The `error` object of the response. */
  readonly body: ErrorBody;
  /** Response headers to add. */
  readonly headers: Readonly<Record<string, string>>;

  /** Creates the error. */
  constructor(status: number, message: string, options: ApiErrorOptions = {}) {
    super(message, options);
    const { param = null, code = null, headers = {} } = options;
    this.status = status;
    this.headers = headers;
    this.body = { message, type: typeOf(status), param, code };
  }

  /** The response that says so. */
  toResponse(): Response {
    return Response.json({ error: this.body }, { status: this.status, headers: this.headers });
  }
}

const RETRY_AFTER = { "retry-after": "2" };

/** Status, and field if the request's prompt is at fault, of each reason to refuse a request. */
const REFUSALS: Readonly<Record<InferenceErrorCode, Omit<ApiErrorOptions, "code">>> = {
  context_length_exceeded: { param: "prompt" },
  invalid_prompt: { param: "prompt" },
  no_tokenizer: { param: "prompt" },
  no_chat_template: { param: "prompt" },
  unknown_adapter: {},
  invalid_constraint: {},
  no_generation: { param: "model" },
  no_embeddings: { param: "model" },
  queue_full: { headers: RETRY_AFTER },
  unavailable: { headers: RETRY_AFTER },
};

const REFUSAL_STATUS: Readonly<Record<InferenceErrorCode, number>> = {
  context_length_exceeded: 400,
  invalid_prompt: 400,
  no_tokenizer: 400,
  no_chat_template: 400,
  unknown_adapter: 404,
  invalid_constraint: 400,
  no_generation: 400,
  no_embeddings: 400,
  queue_full: 429,
  unavailable: 503,
};

const HOST_STATUS: Readonly<Record<HostErrorCode, number>> = {
  invalid_name: 400,
  outside_model_root: 400,
  no_such_folder: 400,
  load_failed: 422,
  name_taken: 409,
  model_not_found: 404,
  model_exists: 409,
  model_in_use: 409,
  model_not_loaded: 409,
  content_hash_mismatch: 422,
  insufficient_memory: 507,
  alias_not_found: 404,
  revision_mismatch: 412,
  stale_epoch: 409,
  not_kept: 507,
  invalid_path: 400,
  invalid_url: 400,
  folder_exists: 409,
  pull_not_found: 404,
  checksum_mismatch: 422,
  disk_full: 507,
  fetch_failed: 502,
};

/** Options of {@linkcode toApiError}. */
export interface ToApiErrorOptions {
  /** The request's field that holds the prompt. @default {"prompt"} */
  readonly promptField?: string;
}

/** Returns the answer to a request during which `error` was thrown. */
export function toApiError(error: unknown, options: ToApiErrorOptions = {}): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof InferenceError) {
    const { param, ...refusal } = REFUSALS[error.code];
    return new ApiError(REFUSAL_STATUS[error.code], error.message, {
      ...refusal,
      code: error.code,
      cause: error,
      param: param === "prompt" ? options.promptField ?? param : param ?? null,
    });
  }
  if (error instanceof HostError) {
    const { code, message, param = null } = error;
    return new ApiError(HOST_STATUS[code], message, { code, param, cause: error });
  }
  return new ApiError(500, "The server failed on this request; its log says why", {
    code: "internal_error",
    cause: error,
  });
}

/** Returns what made an answer an error, where that is known: it says more than the answer does. */
export function faultOf(error: unknown): unknown {
  return error instanceof ApiError ? error.cause ?? error : error;
}

function typeOf(status: number): string {
  if (status >= 500) return "server_error";
  return status === 429 ? "rate_limit_error" : "invalid_request_error";
}
