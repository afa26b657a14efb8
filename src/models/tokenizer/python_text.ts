/**
 * Values as Python writes them: `str` and `repr`.
 *
 * @module
 */

import { formatFloat, type JinjaValue } from "./jinja_values.ts";

/** Returns what Python's `str` makes of a value; an undefined one is empty. */
export function pythonText(value: JinjaValue): string {
  switch (value.type) {
    case "StringValue":
      return String(value.value);
    case "UndefinedValue":
      return "";
    default:
      return pythonRepr(value);
  }
}

/** Returns what Python's `repr` makes of a value. */
export function pythonRepr(value: JinjaValue): string {
  switch (value.type) {
    case "StringValue":
      return quoted(String(value.value));
    case "NullValue":
      return "None";
    case "UndefinedValue":
      return "Undefined";
    case "BooleanValue":
      return value.value === true ? "True" : "False";
    case "FloatValue":
      return formatFloat(value.value as number);
    case "ArrayValue":
      return `[${listed(value)}]`;
    case "TupleValue": {
      const isSingle = (value.value as readonly unknown[]).length === 1;
      return `(${listed(value)}${isSingle ? "," : ""})`;
    }
    case "ObjectValue":
    case "KeywordArgumentsValue":
    case "NamespaceValue": {
      const entries = [...value.value as ReadonlyMap<string, JinjaValue>];
      return `{${entries.map(([key, each]) => `${quoted(key)}: ${pythonRepr(each)}`).join(", ")}}`;
    }
    default:
      return String(value.value);
  }
}

function listed({ value }: JinjaValue): string {
  return (value as readonly JinjaValue[]).map(pythonRepr).join(", ");
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  // what Python does not take for printable: other characters, and separators but for the space
  const escaped = text.replace(/[\\\p{C}\p{Z}]/gu, (character) => {
    if (character === " ") return character;
    return SHORT_ESCAPES[character] ?? escapeCode(character.codePointAt(0)!);
  });
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

function escapeCode(code: number): string {
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}
