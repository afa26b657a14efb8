/**
 * Why a row that could be read cannot be turned into tokens.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import { placeName, type RowPlace } from "./row.ts";
import { RowError, type RowProblem } from "./row_error.ts";

/**
 * Returns the problem that `encodeRow` has with the row at `place`.
 *
 * @throws {Error} The error itself, where it is not about the row.
 */
export function encodeProblem(error: unknown, place: RowPlace): RowProblem {
  if (error instanceof RowError) return error.problem;
  if (!(error instanceof UserError)) throw error;
  const prefix = `Cannot use ${placeName(place)} of "${place.path}": `;
  const { message } = error;
  return {
    code: "template",
    message: message.startsWith(prefix) ? message.slice(prefix.length) : message,
  };
}
