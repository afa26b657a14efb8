/**
 * Values of `@huggingface/jinja`, whose classes are not exported.
 *
 * @module
 */

import { Environment } from "@huggingface/jinja";

/** A value while a template runs; which fields there are besides depends on its type. */
export interface JinjaValue {
  /** Name of its class. */
  readonly type: string;
  /** What it stands for. */
  readonly value: unknown;
}

/** Makes values. */
export interface JinjaValues {
  /** Makes a string. */
  text(value: string): JinjaValue;
  /**
   * Makes a value of JSON data. A number is an integer if it has no fraction; one that is written with a fraction or an
   * exponent keeps being a float as what `JSON.rawJSON` returns, since `1.0` and `1` are not printed alike.
   */
  fromJson(value: unknown): JinjaValue;
  /** Makes what Python goes through: the characters of a text, nothing for an undefined value, lists for tuples. */
  iterable(value: JinjaValue): JinjaValue;
}

/** Creates a maker of values. */
export function createJinjaValues(): JinjaValues {
  const environment = new Environment();
  const classOf = (name: string, example: unknown) =>
    environment.set(name, example).constructor as new (value: unknown) => JinjaValue;
  const StringValue = classOf("a string", "");
  const FloatValue = classOf("a float", 0.5);
  const ArrayValue = classOf("an array", []);
  const ObjectValue = classOf("an object", {});

  function fromJson(value: unknown): JinjaValue {
    if (typeof value === "string") return new StringValue(value);
    if (Array.isArray(value)) return new ArrayValue(value.map(fromJson));
    if (typeof value === "object" && value !== null) {
      const source = rawJson(value);
      if (source !== undefined) return new FloatValue(Number(source));
      const entries = Object.entries(value).filter(([, each]) => each !== undefined);
      return new ObjectValue(new Map(entries.map(([key, each]) => [key, fromJson(each)])));
    }
    return new Environment().set("a value", value);
  }

  function iterable(value: JinjaValue): JinjaValue {
    switch (value.type) {
      case "StringValue":
        return fromJson(Array.from(String(value.value)));
      case "UndefinedValue":
        return fromJson([]);
      case "ArrayValue":
      case "TupleValue": {
        const items = value.value as readonly JinjaValue[];
        if (!items.some(({ type }) => type === "TupleValue")) return value;
        return new ArrayValue(
          items.map((item) => item.type === "TupleValue" ? new ArrayValue(item.value) : item),
        );
      }
      default:
        return value;
    }
  }

  return { text: (value) => new StringValue(value), fromJson, iterable };
}

/** Writes a float as Python does. */
export function formatFloat(value: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  }
  const [mantissa, exponent] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    const digits = String(Math.abs(power)).padStart(2, "0");
    return `${mantissa}e${power < 0 ? "-" : "+"}${digits}`;
  }
  if (Object.is(value, -0)) return "-0.0";
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** Returns the source of a number made by `JSON.rawJSON`. */
function rawJson(value: object): string | undefined {
  const { isRawJSON } = JSON as { readonly isRawJSON?: (value: unknown) => boolean };
  if (isRawJSON?.(value) !== true || !("rawJSON" in value)) return undefined;
  return String(value.rawJSON);
}
