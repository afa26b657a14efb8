/**
 * How the keys of settings may be spelt, and which one was meant.
 *
 * @module
 */

import type { AnySettings } from "./setting.ts";

/** Returns the setting of `table` that `name` stands for, spelt in any case or as one of its aliases. */
export function findSetting(name: string, table: AnySettings): string | undefined {
  if (Object.hasOwn(table, name)) return name;
  const plain = plainName(name);
  return Object.entries(table).find(([key, { flag, aliases = [] }]) =>
    [key, flag ?? key, ...aliases].some((each) => plainName(each) === plain)
  )?.[0];
}

/** Returns the one of `names` that is most like `name`; `undefined` if none is like it. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const plain = plainName(name);
  let best: string | undefined;
  let least = Math.max(1, Math.floor(plain.length / 3)) + 1;
  for (const candidate of names) {
    const distance = editDistance(plain, plainName(candidate), least);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Returns the setting of `table` that was probably meant by `name`. */
export function suggestSetting(name: string, table: AnySettings): string | undefined {
  const names = Object.entries(table).flatMap(([key, { flag, aliases = [] }]) =>
    [key, flag ?? key, ...aliases].map((each) => [each, key] as const)
  );
  const found = nearest(name, names.map(([each]) => each));
  return names.find(([each]) => each === found)?.[1];
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, "");
}

/** Returns how many letters must be changed, put in, left out or swapped with the next; at most `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(change, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
      }
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
