/**
 * JSON files of a model's folder that need not be there.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { anyObject, decode, type JsonObject, readJsonFile } from "../../utils/json.ts";

/**
 * Reads an object; returns `undefined` if there is no such file.
 *
 * @throws {UserError} If it cannot be read or is none.
 */
export async function readOptionalObject(path: string): Promise<JsonObject | undefined> {
  if (!existsSync(path)) return undefined;
  return decode(anyObject(), await readJsonFile(path), path);
}
