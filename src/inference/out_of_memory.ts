/**
 * Errors of a machine whose memory ran out, told to whoever sent a request: it may be sent again.
 *
 * @module
 */

import { OutOfMemoryError } from "../engine/runtime/session_error.ts";
import { InferenceError } from "./inference_error.ts";

/** Returns `error`, or that the model is unavailable if memory ran out. */
export function asUnavailable(error: unknown): unknown {
  const isAllocation = error instanceof RangeError &&
    /allocation failed|array length/i.test(error.message);
  if (!isAllocation && !(error instanceof OutOfMemoryError)) return error;
  return new InferenceError(
    "unavailable",
    "Cannot answer: the model's memory ran out; try again in a while, with a shorter text or fewer at once",
    { cause: error },
  );
}
