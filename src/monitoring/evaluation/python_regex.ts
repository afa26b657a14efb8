/**
 * Regular expressions in Python's syntax.
 *
 * @module
 */

import { messageOf, UserError } from "../../utils/errors.ts";

/**
 * Compiles a pattern of Python's `re` for all matches.
 *
 * @throws {UserError} If it has something that JavaScript's expressions do not know.
 */
export function compilePythonRegex(pattern: string, source: string): RegExp {
  let flags = "g";
  const body = pattern.replace(/^\(\?([aimsux]+)\)/, (_, letters: string) => {
    if (letters.includes("x")) throw refused(pattern, source, "the flag x is not supported");
    for (const flag of "ims") if (letters.includes(flag)) flags += flag;
    return "";
  })
    .replace(/\(\?P</g, "(?<")
    .replace(/\(\?P=(\w+)\)/g, "\\k<$1>")
    .replace(/(?<!\\)\\A/g, "(?<![\\s\\S])")
    .replace(/(?<!\\)\\Z/g, "(?![\\s\\S])");
  try {
    return compiled(atEnds(body, flags), flags);
  } catch (error) {
    throw refused(pattern, source, messageOf(error));
  }
}

/** With the flag u a dot is a whole character, as in Python; escapes that u refuses are read without it. */
function compiled(body: string, flags: string): RegExp {
  try {
    return new RegExp(body, `${flags}u`);
  } catch {
    return new RegExp(body, flags);
  }
}

/** Python's `$` matches before a last line break too. */
function atEnds(body: string, flags: string): string {
  if (flags.includes("m")) return body;
  let inClass = false;
  let result = "";
  for (let i = 0; i < body.length; i++) {
    const character = body[i]!;
    if (character === "\\") result += character + (body[++i] ?? "");
    else {
      if (character === "[") inClass = true;
      if (character === "]") inClass = false;
      result += character === "$" && !inClass ? "(?=\\n?(?![\\s\\S]))" : character;
    }
  }
  return result;
}

function refused(pattern: string, source: string, state: string): UserError {
  return new UserError(
    `Cannot use the regular expression ${JSON.stringify(pattern)} of "${source}": ${state}`,
  );
}
