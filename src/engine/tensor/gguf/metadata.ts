/**
 * The typed values of a GGUF file's metadata.
 *
 * @module
 */

/** Every kind of single value, with its number in files. */
export const GGUF_VALUE_TYPES = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

/** The number that stands for a list. */
export const GGUF_ARRAY_TYPE = 9;

/** A kind of single value. */
export type GgufValueType = keyof typeof GGUF_VALUE_TYPES;

/** A single value; 64-bit integers are numbers too, as far as numbers are exact. */
export type GgufScalar = number | boolean | string;

/** A value with its kind. */
export type GgufValue =
  | { readonly type: GgufValueType; readonly value: GgufScalar }
  | {
    readonly type: "array";
    readonly items: GgufValueType;
    readonly value: readonly GgufScalar[];
  };

/** Metadata by key, in the order of the file. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** Makes a text. */
export function ggufString(value: string): GgufValue {
  return { type: "string", value };
}

/** Makes a 32-bit natural number, the kind of nearly all sizes. */
export function ggufUint32(value: number): GgufValue {
  return { type: "uint32", value };
}

/** Makes a 32-bit float. */
export function ggufFloat32(value: number): GgufValue {
  return { type: "float32", value };
}

/** Makes a truth value. */
export function ggufBool(value: boolean): GgufValue {
  return { type: "bool", value };
}

/** Makes a list. */
export function ggufArray(items: GgufValueType, value: readonly GgufScalar[]): GgufValue {
  return { type: "array", items, value };
}

/** Returns the kind with the number `id`, `undefined` if there is none. */
export function ggufValueTypeOf(id: number): GgufValueType | undefined {
  return (Object.keys(GGUF_VALUE_TYPES) as GgufValueType[])
    .find((name) => GGUF_VALUE_TYPES[name] === id);
}
