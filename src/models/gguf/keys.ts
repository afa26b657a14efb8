/**
 * Reading the metadata of a GGUF file by key, strictly.
 *
 * @module
 */

import type { GgufMetadata, GgufScalar } from "../../engine/tensor/gguf/metadata.ts";
import { UserError } from "../../utils/errors.ts";

/** The metadata of one file. */
export class GgufKeys {
  /** Where the file lies, for errors. */
  readonly path: string;
  readonly #metadata: GgufMetadata;

  /** Opens a reader over the metadata of the file at `path`. */
  constructor(metadata: GgufMetadata, path: string) {
    this.#metadata = metadata;
    this.path = path;
  }

  /** Whether the key is there. */
  has(key: string): boolean {
    return this.#metadata.has(key);
  }

  /** Returns a text, or `fallback` where the key is absent. */
  text<F>(key: string, fallback: F): string | F {
    const value = this.#scalar(key);
    if (value === undefined) return fallback;
    return typeof value === "string" ? value : this.fail(key, "must be a text");
  }

  /** Returns a truth value, or `fallback` where the key is absent. */
  boolean<F>(key: string, fallback: F): boolean | F {
    const value = this.#scalar(key);
    if (value === undefined) return fallback;
    return typeof value === "boolean" ? value : this.fail(key, "must be true or false");
  }

  /** Returns a number in the shortest spelling of its float, or `fallback` where the key is absent. */
  number<F>(key: string, fallback: F): number | F {
    const value = this.#scalar(key);
    if (value === undefined) return fallback;
    if (typeof value !== "number") this.fail(key, "must be a number");
    return this.#metadata.get(key)!.type === "float32" ? shortestFloat32(value) : value;
  }

  /** Returns a natural number, or `fallback` where the key is absent. */
  integer<F>(key: string, fallback: F): number | F {
    const value = this.#scalar(key);
    if (value === undefined) return fallback;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      this.fail(key, "must be a natural number");
    }
    return value;
  }

  /** Returns a natural number that must be there. */
  size(key: string): number {
    return this.integer(key, undefined) ?? this.fail(key, "is missing");
  }

  /** Returns a list of texts, `undefined` where the key is absent. */
  texts(key: string): readonly string[] | undefined {
    return this.#list(key, (item) => typeof item === "string", "texts") as readonly string[];
  }

  /** Returns a list of numbers, `undefined` where the key is absent. */
  numbers(key: string): readonly number[] | undefined {
    return this.#list(key, (item) => typeof item === "number", "numbers") as readonly number[];
  }

  /** Throws an error that names the file and the key. */
  fail(key: string, problem: string): never {
    throw new UserError(`Cannot use "${this.path}": "${key}" of its metadata ${problem}`);
  }

  #scalar(key: string): GgufScalar | undefined {
    const entry = this.#metadata.get(key);
    if (entry?.type === "array") this.fail(key, "is a list, which is not supported");
    return entry?.value;
  }

  #list(
    key: string,
    isItem: (item: GgufScalar) => boolean,
    kind: string,
  ): readonly GgufScalar[] | undefined {
    const entry = this.#metadata.get(key);
    if (entry === undefined) return undefined;
    if (entry.type !== "array" || !entry.value.every(isItem)) this.fail(key, `must list ${kind}`);
    return entry.value;
  }
}

/** Returns the shortest decimal that is `value` when rounded to float32: 1e-5 and not 9.999999747378752e-6. */
export function shortestFloat32(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
