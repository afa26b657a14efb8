/**
 * How the rows lie in a file, told by its beginning and then by its name.
 *
 * @module
 */

import { isJsonObject, parsedJson } from "../fields.ts";
import { recogniseFormat } from "../formats.ts";
import type { Container } from "./data_file.ts";

/** What the beginning of a file tells. */
export interface DetectedContainer {
  /** How the rows lie in it. */
  readonly container: Container;
  /** The character between the fields of a table of text. */
  readonly delimiter: string | undefined;
}

/** The beginning of a file. */
export interface FileHead {
  /** The name of the file without the ending of its compression. */
  readonly name: string;
  /** Its first bytes, as text. */
  readonly text: string;
  /** Whether that is all of it. */
  readonly whole: boolean;
}

/** Containers by the ending of a name. */
const NAMED: Readonly<Record<string, Container>> = {
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "json",
  csv: "csv",
  tsv: "csv",
  txt: "text",
  md: "text",
};

/** Tells how the rows lie in a file that is text. */
export function detectContainer(head: FileHead): DetectedContainer {
  const ending = /\.([^.]+)$/.exec(head.name)?.[1]?.toLowerCase() ?? "";
  const named = NAMED[ending];
  const container = jsonContainer(head, named) ?? (named === "json" ? "json" : named);
  if (container !== undefined && container !== "csv" && container !== "text") {
    return { container, delimiter: undefined };
  }
  const delimiter = delimiterOf(firstLine(head.text), ending);
  if (named === "csv") return { container: "csv", delimiter };
  if (named === undefined && delimiter !== undefined && isHeader(head.text, delimiter)) {
    return { container: "csv", delimiter };
  }
  return { container: "text", delimiter: undefined };
}

/** Tells JSON from JSON Lines; `undefined` if it is neither. */
function jsonContainer(
  { text, whole }: FileHead,
  named: Container | undefined,
): "json" | "jsonl" | undefined {
  const start = text.trimStart();
  const first = firstLine(start);
  const parsed = parsedJson(first);
  const more = start.slice(first.length).trim() !== "" || !whole;
  if (start.startsWith("[")) {
    if (Array.isArray(parsed) && more) return named === "jsonl" ? "jsonl" : undefined;
    if (named === "jsonl" && hasObjectLines(start)) return "jsonl"; // whose first line is broken
    return /^\[\s*(?:[[{\]]|$)/.test(start) ? "json" : undefined;
  }
  if (!start.startsWith("{")) return undefined;
  if (isJsonObject(parsed)) {
    if (more || named === "jsonl" || recogniseFormat(parsed) !== undefined) return "jsonl";
    return "json"; // perhaps it holds the rows
  }
  if (named === "jsonl") return "jsonl";
  const others = start.split("\n").slice(1, 20);
  // rows of JSON Lines are not indented, the items of an array mostly are
  if (others.some((line) => line.startsWith("{") && isJsonObject(parsedJson(line)))) return "jsonl";
  return /^\{\s*(?:"|\}|$)/.test(start) ? "json" : undefined;
}

/** Whether lines after the first are objects that nothing joins to a list. */
function hasObjectLines(text: string): boolean {
  const lines = text.split("\n").slice(1, 20).map((line) => line.trim());
  return !lines.some((line) => line.endsWith("},")) &&
    lines.some((line) => line.startsWith("{") && isJsonObject(parsedJson(line)));
}

const DELIMITERS = [",", "\t", ";", "|"];

function delimiterOf(header: string, ending: string): string | undefined {
  const unquoted = header.replace(/"[^"]*"/g, "");
  const counts = DELIMITERS.map((each) => unquoted.split(each).length - 1);
  const most = Math.max(...counts);
  if (ending === "tsv" && counts[1]! > 0) return "\t";
  if (most === 0) return ending === "tsv" ? "\t" : ending === "csv" ? "," : undefined;
  return DELIMITERS[counts.indexOf(most)];
}

/** Whether a line names the fields of rows. */
function isHeader(text: string, delimiter: string): boolean {
  const names = firstLine(text).split(delimiter).map((name) => name.trim().replace(/^"|"$/g, ""));
  return recogniseFormat(Object.fromEntries(names.map((name) => [name, ""]))) !== undefined;
}

function firstLine(text: string): string {
  const end = text.indexOf("\n");
  return end === -1 ? text : text.slice(0, end);
}
