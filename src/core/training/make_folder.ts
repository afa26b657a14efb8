/**
 * The folder that a run writes to.
 *
 * @module
 */

import { fileError } from "../../utils/file_error.ts";

/**
 * Makes a folder with those above it; one that is there already stays.
 *
 * @throws {UserError} If it cannot be made.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError("create", path, error);
  }
}
