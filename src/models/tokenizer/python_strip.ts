/**
 * Python's `str.strip`: it takes the separators U+001C to U+001F and U+0085 for white space, and not the byte order mark.
 *
 * @module
 */

/** Which ends are stripped. */
export const STRIP_SIDES = { strip: "both", lstrip: "start", rstrip: "end" } as const;

/** Name of a method that strips. */
export type StripMethod = keyof typeof STRIP_SIDES;

// deno-lint-ignore no-control-regex -- Python takes them for white space
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Strips white space, or any of `characters`, from `text`. */
export function pythonStrip(text: string, method: StripMethod, characters?: string): string {
  const side = STRIP_SIDES[method];
  const set = characters === undefined ? undefined : new Set(characters);
  const units = set === undefined ? text : Array.from(text);
  const isStripped = (unit: string): boolean => set?.has(unit) ?? SPACE.test(unit);
  let start = 0;
  let end = units.length;
  if (side !== "end") { while (start < end && isStripped(units[start]!)) start++; }
  if (side !== "start") { while (end > start && isStripped(units[end - 1]!)) end--; }
  return typeof units === "string" ? units.slice(start, end) : units.slice(start, end).join("");
}
