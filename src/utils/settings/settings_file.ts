/**
 * Files of settings: JSON with comments, or YAML, with the place of every key.
 *
 * @module
 */

import { evaluate, parse as parseJsonc, type ValueNode } from "@humanwhocodes/momoa";
import { isAlias, isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { messageOf, UserError } from "../errors.ts";
import { fileError } from "../file_error.ts";

/** A place in a file, both counted from 1. */
export interface FilePosition {
  /** Line. */
  readonly line: number;
  /** Column. */
  readonly column: number;
}

/** One key of a file. */
export interface SettingEntry {
  /** As the file spells it. */
  readonly key: string;
  /** As JSON. */
  readonly value: unknown;
  /** Where the key is: `path:line:column`. */
  readonly place: string;
  /** The keys inside, if the value is an object. */
  readonly entries: readonly SettingEntry[] | undefined;
}

/** A file of settings. */
export interface SettingsFile {
  /** Its path. */
  readonly path: string;
  /** Its keys. */
  readonly entries: readonly SettingEntry[];
}

/**
 * Reads a file: YAML if it is called so, or is not JSON by its looks.
 *
 * @throws {UserError} If it cannot be read, or is neither; the message names the line.
 */
export async function readSettingsFile(path: string): Promise<SettingsFile> {
  let content: string;
  try {
    content = await Deno.readTextFile(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
  return parseSettings(content, path);
}

/**
 * Parses what the file `path` holds; see {@linkcode readSettingsFile}.
 *
 * @throws {UserError} If it is neither JSON nor YAML; the message names the line.
 */
export function parseSettings(content: string, path: string): SettingsFile {
  const text = content.replace(/^\uFEFF/, "");
  const json = /\.jsonc?$/i.test(path) || (!/\.ya?ml$/i.test(path) && /^\s*[{/]/.test(text));
  return { path, entries: (json ? jsonEntries : yamlEntries)(text, path) };
}

function jsonEntries(text: string, path: string): readonly SettingEntry[] {
  let body: ValueNode;
  try {
    body = parseJsonc(text, { mode: "jsonc", allowTrailingCommas: true }).body;
  } catch (error) {
    const { line = 1, column = 1 } = error as Partial<FilePosition>;
    const reason = messageOf(error).replace(/\.? \(\d+:\d+\)$/, "");
    throw unreadable(path, { line, column }, `it is not valid JSON: ${reason}`);
  }
  const entries = jsonMembers(body, path);
  if (entries === undefined) throw noObject(path);
  return entries;
}

function jsonMembers(node: ValueNode, path: string): readonly SettingEntry[] | undefined {
  if (node.type !== "Object") return undefined;
  const places = new Map<string, string>();
  return node.members.map(({ name, value }) => {
    const key = name.type === "String" ? name.value : name.name;
    const { start } = name.loc;
    const place = placeOf(path, start);
    const before = places.get(key);
    if (before !== undefined) {
      throw unreadable(path, start, `"${key}" is given twice, first at ${before}`);
    }
    places.set(key, place);
    return { key, value: evaluate(value), place, entries: jsonMembers(value, path) };
  });
}

function yamlEntries(text: string, path: string): readonly SettingEntry[] {
  const lines = new LineCounter();
  const position = (offset: number): FilePosition => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const start: FilePosition = { line: 1, column: 1 };
  const invalid = (error: unknown) =>
    unreadable(path, start, `it is not valid YAML: ${messageOf(error)}`);
  let document: ReturnType<typeof parseDocument>;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  } catch (error) {
    throw invalid(error); // too deep
  }
  const [problem] = document.errors;
  if (problem !== undefined) {
    const reason = problem.code === "MULTIPLE_DOCS"
      ? "it holds more than one document"
      : `it is not valid YAML: ${problem.message}`;
    throw unreadable(path, position(problem.pos[0]), reason);
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    throw invalid(error); // an alias of nothing, or aliases of aliases without end
  }
  if (value === null) return []; // a file of comments
  const entriesOf = (
    node: Node | null | undefined,
    { value, from }: { readonly value: unknown; readonly from: FilePosition },
  ): readonly SettingEntry[] | undefined => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const map = isAlias(node) ? node.resolve(document) : node;
    const pairs = isMap(map) ? map.items : [];
    return Object.entries(value).map(([key, each]) => {
      // what a merge key brings has no pair of its own
      const pair = pairs.find(({ key: node }) => isScalar(node) && String(node.value) === key);
      const offset = isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
      const at = offset === undefined ? from : position(offset);
      const entries = entriesOf(pair?.value as Node | null | undefined, { value: each, from: at });
      return { key, value: each, place: placeOf(path, at), entries };
    });
  };
  const entries = entriesOf(document.contents, { value, from: start });
  if (entries === undefined) throw noObject(path);
  return entries;
}

function placeOf(path: string, { line, column }: FilePosition): string {
  return `${path}:${line}:${column}`;
}

function unreadable(path: string, position: FilePosition, reason: string): UserError {
  return new UserError(`Cannot read "${placeOf(path, position)}": ${reason}`);
}

function noObject(path: string): UserError {
  return new UserError(
    `Cannot read "${path}" as settings: it must hold keys and values, for example "batchSize": 8`,
  );
}
