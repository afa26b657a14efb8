/**
 * Which checkpoints the daemon has made live, as it notes that in the home.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { UserError } from "../../utils/errors.ts";
import { readJsonFile } from "../../utils/json.ts";
import type { Reference } from "./protect.ts";

/** What of the file names a checkpoint, and what it is. */
const FIELDS: Readonly<Record<string, string>> = {
  checkpoint: "live",
  base: "the live adapter is for it",
  parent: "the live model goes back to it if it gets worse",
};

/**
 * Reads which checkpoints the file `path` names; without the file, none.
 *
 * @throws {UserError} If it cannot be understood: then nothing may be removed.
 */
export async function liveReferences(path: string): Promise<readonly Reference[]> {
  if (!existsSync(path)) return [];
  const json = await readJsonFile(path);
  if (typeof json !== "object" || json === null) {
    throw new UserError(`Cannot read "${path}": it must be an object; nothing is removed`);
  }
  return Object.entries(FIELDS).flatMap(([key, words]) => {
    const value: unknown = (json as Readonly<Record<string, unknown>>)[key];
    return typeof value === "string" ? [{ path: value, kind: "live", words }] : [];
  });
}
