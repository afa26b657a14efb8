/**
 * Prompts in a file.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import { fileError } from "../utils/file_error.ts";

/**
 * Reads the prompts of a file: each line is one, as it is or as JSON: a string, or an object with the key `prompt`.
 *
 * @throws {UserError} If it cannot be read, holds none, or a line is JSON of another kind.
 */
export async function readPrompts(path: string): Promise<string[]> {
  let content: string;
  try {
    content = await Deno.readTextFile(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
  const prompts = content.split(/\r?\n/).flatMap((line, index) =>
    line.trim() === "" ? [] : [promptOf(line, `${path}, line ${index + 1}`)]
  );
  if (prompts.length > 0) return prompts;
  throw new UserError(`Cannot take samples: "${path}" holds no prompts; write one on each line`);
}

function promptOf(line: string, place: string): string {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof json === "string") return json;
  if (typeof json !== "object" || json === null) return line; // a number is a text too
  if ("prompt" in json && typeof json.prompt === "string") return json.prompt;
  throw new UserError(
    `Cannot read a prompt in ${place}: it must be a text, or an object with "prompt": "…"`,
  );
}
