/**
 * Nested settings as one list of names and values.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";

/** A value without parts. */
export type PlainValue = string | number | boolean | null;

/** Returns the values in nested objects by their dotted keys; a list of plain values is one value. */
export function flatten(value: JsonObject): ReadonlyMap<string, PlainValue> {
  const flat = new Map<string, PlainValue>();
  const visit = (key: string, each: unknown): void => {
    if (typeof each !== "object" || each === null) {
      if (each !== undefined) flat.set(key, each as PlainValue);
    } else if (Array.isArray(each) && each.every((item) => typeof item !== "object")) {
      flat.set(key, JSON.stringify(each));
    } else {
      for (const [name, part] of Object.entries(each)) {
        visit(key === "" ? name : `${key}.${name}`, part);
      }
    }
  };
  visit("", value);
  return flat;
}
