/**
 * Why a request cannot be answered.
 *
 * @module
 */

/** Every reason for which a request is refused. */
export const INFERENCE_ERROR_CODES = [
  "context_length_exceeded",
  "invalid_prompt",
  "no_tokenizer",
  "no_chat_template",
  "unknown_adapter",
  "invalid_constraint",
  "no_generation",
  "no_embeddings",
  "queue_full",
  "unavailable",
] as const;

/** A reason for which a request is refused. */
export type InferenceErrorCode = (typeof INFERENCE_ERROR_CODES)[number];

/** Thrown when a request is refused; its message is meant for whoever sent it. */
export class InferenceError extends Error {
  /** Name of the class. */
  override readonly name = "InferenceError";
  /** The reason. */
  readonly code: InferenceErrorCode;

  /** Creates the error. */
  constructor(code: InferenceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
