/**
 * JSON as Python's `json.dumps` writes it, for the filter `tojson` of chat templates.
 *
 * @module
 */

import { formatFloat, type JinjaValue } from "./jinja_values.ts";

/** How values are set apart. */
export interface JsonLayout {
  /** Spaces of a level; `undefined` writes all in one line. */
  readonly indent: number | undefined;
  /** What stands between items. */
  readonly item: string;
  /** What stands between a key and its value. */
  readonly key: string;
  /** Whether keys are put in order. */
  readonly sortKeys: boolean;
  /** Whether characters beyond ASCII are escaped. */
  readonly ensureAscii: boolean;
}

/** Writes a value. */
export function dumpJson(value: JinjaValue, layout: JsonLayout): string {
  const json = writeJson(value, layout, "\n");
  return layout.ensureAscii ? json.replace(/[\u007f-\uffff]/g, escapeUnit) : json;
}

/** `line` is a line break with the indentation of the enclosing value. */
function writeJson(value: JinjaValue, layout: JsonLayout, line: string): string {
  const inner = line + " ".repeat(layout.indent ?? 0);
  const enclose = (open: string, parts: readonly string[], close: string): string =>
    layout.indent === undefined || parts.length === 0
      ? open + parts.join(layout.item) + close
      : open + inner + parts.join(layout.item + inner) + line + close;
  switch (value.type) {
    case "FloatValue":
      return formatFloat(value.value as number);
    case "ArrayValue":
    case "TupleValue": {
      const items = value.value as readonly JinjaValue[];
      return enclose("[", items.map((each) => writeJson(each, layout, inner)), "]");
    }
    case "ObjectValue":
    case "NamespaceValue": {
      const entries = [...value.value as ReadonlyMap<string, JinjaValue>];
      if (layout.sortKeys) entries.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
      const parts = entries.map(([name, each]) =>
        JSON.stringify(name) + layout.key + writeJson(each, layout, inner)
      );
      return enclose("{", parts, "}");
    }
    case "FunctionValue":
    case "UndefinedValue":
      throw new TypeError(`Cannot write ${value.type.replace("Value", "").toLowerCase()} as JSON`);
    default:
      return JSON.stringify(value.value);
  }
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
