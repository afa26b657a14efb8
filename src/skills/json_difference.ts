/**
 * Where two JSON values differ.
 *
 * @module
 */

/** Lists whose order does not count, by the key that holds them. */
export type UnorderedKeys = ReadonlySet<string>;

/**
 * Returns what is wrong with `given`, the first difference from `wanted`, or `undefined`. It goes no deeper than
 * `wanted`, so that no value that a model writes can exhaust it.
 */
export function jsonDifference(
  given: unknown,
  wanted: unknown,
  unordered: UnorderedKeys = new Set(),
): string | undefined {
  return difference(given, { wanted, unordered, path: "" });
}

interface Place {
  readonly wanted: unknown;
  readonly unordered: UnorderedKeys;
  readonly path: string;
}

function difference(given: unknown, { wanted, unordered, path }: Place): string | undefined {
  const at = path === "" ? "the answer" : `\`${path}\``;
  if (Array.isArray(wanted)) {
    if (!Array.isArray(given)) return `${at} is not a list`;
    if (given.length !== wanted.length) {
      return `${at} has ${given.length} entries instead of ${wanted.length}`;
    }
    const isUnordered = unordered.has(path.split(".").at(-1)!);
    if (isUnordered) return sameEntries(given, wanted) ? undefined : `${at} has wrong entries`;
    for (const [i, each] of wanted.entries()) {
      const found = difference(given[i], { wanted: each, unordered, path: `${path}[${i}]` });
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (typeof wanted === "object" && wanted !== null) {
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      return `${at} is not an object`;
    }
    const extra = Object.keys(given).find((key) => !Object.hasOwn(wanted, key));
    if (extra !== undefined) return `${at} has a key too many: \`${extra.slice(0, 40)}\``;
    for (const [key, each] of Object.entries(wanted)) {
      if (!Object.hasOwn(given, key)) return `${at} lacks the key \`${key}\``;
      const below = path === "" ? key : `${path}.${key}`;
      const value = (given as Readonly<Record<string, unknown>>)[key];
      const found = difference(value, { wanted: each, unordered, path: below });
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return given === wanted ? undefined : `${at} is not ${JSON.stringify(wanted)}`;
}

/** Compares lists of plain values, or of lists of them, in any order. */
function sameEntries(given: readonly unknown[], wanted: readonly unknown[]): boolean {
  const isFlat = (value: unknown) => typeof value !== "object" || value === null;
  const isShallow = (value: unknown) =>
    isFlat(value) || Array.isArray(value) && value.every(isFlat);
  if (!given.every(isShallow)) return false;
  const sorted = (list: readonly unknown[]) =>
    list.map((each) => JSON.stringify(each) ?? "").toSorted();
  const [a, b] = [sorted(given), sorted(wanted)];
  return a.every((each, i) => each === b[i]);
}
