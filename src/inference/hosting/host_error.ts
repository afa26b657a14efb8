/**
 * Why what is served cannot be changed as it was asked for.
 *
 * @module
 */

import { OutOfMemoryError } from "../../engine/runtime/session_error.ts";
import { UserError } from "../../utils/errors.ts";
import { NoRoomError } from "../model_pool.ts";

/** Every reason. */
export const HOST_ERROR_CODES = [
  "invalid_name",
  "outside_model_root",
  "no_such_folder",
  "load_failed",
  "name_taken",
  "model_not_found",
  "model_exists",
  "model_in_use",
  "model_not_loaded",
  "content_hash_mismatch",
  "insufficient_memory",
  "alias_not_found",
  "revision_mismatch",
  "stale_epoch",
  "not_kept",
  "invalid_path",
  "invalid_url",
  "folder_exists",
  "pull_not_found",
  "checksum_mismatch",
  "disk_full",
  "fetch_failed",
] as const;

/** A reason. */
export type HostErrorCode = (typeof HOST_ERROR_CODES)[number];

/** Options of {@linkcode HostError}. */
export interface HostErrorOptions extends ErrorOptions {
  /** The field of the request that is at fault. @default {none} */
  readonly param?: string;
}

/** Thrown when what is served cannot be changed; its message is meant for whoever asked. */
export class HostError extends Error {
  /** Name of the class. */
  override readonly name = "HostError";
  /** The reason. */
  readonly code: HostErrorCode;
  /** The field of the request that is at fault. */
  readonly param: string | undefined;

  /** Creates the error. */
  constructor(code: HostErrorCode, message: string, options: HostErrorOptions = {}) {
    super(message.replace(/\s*\n\s*/g, " ").trim(), options);
    this.code = code;
    this.param = options.param;
  }
}

/** Returns the error of a model that is not there. */
export function noModel(
  name: string,
  { names, param }: { readonly names: readonly string[]; readonly param?: string },
): HostError {
  const others = names.length === 0 ? "none" : names.map((each) => `"${each}"`).join(", ");
  return new HostError(
    "model_not_found",
    `There is no model "${name}"; this server has ${others}`,
    param === undefined ? {} : { param },
  );
}

/** Returns the error of a model that could not be loaded. */
export function loadError(error: unknown): unknown {
  if (error instanceof NoRoomError || error instanceof OutOfMemoryError) {
    return new HostError("insufficient_memory", error.message, { cause: error });
  }
  if (error instanceof UserError) {
    return new HostError("load_failed", error.message, { cause: error, param: "folder" });
  }
  return error;
}
