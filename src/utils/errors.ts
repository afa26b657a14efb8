/**
 * Errors that people cause and can mend.
 *
 * @module
 */

/**
 * A fault of the input: its message is one line that names the file, line or key and how to mend it. It is
 * shown without a stack; every other error is a fault of the program.
 */
export class UserError extends Error {
  /** Tells it from other errors in logs. */
  override readonly name = "UserError";

  /** Makes one line of `message`. */
  constructor(message: string, options?: ErrorOptions) {
    super(message.replace(/\s*\n\s*/g, " ").trim(), options);
  }
}

/** Returns the message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
