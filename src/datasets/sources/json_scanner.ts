/**
 * Finds the rows of a JSON text piece by piece, without holding more than one of them: the items of an array, the items
 * of the arrays of objects that an object holds (`{"data": [{…}]}`), or objects one after another.
 *
 * @module
 */

import { formatBytes } from "../../utils/format.ts";
import { CONVERSATION_FIELDS, PREFERENCE_FIELDS, TOOLS_FIELDS } from "../formats.ts";
import type { RawRow } from "./raw_row.ts";
import { MAX_ROW_BYTES } from "./read_lines.ts";
import { UnreadableError } from "./unreadable.ts";

/** Fields that hold a list of objects inside a row; any other such list holds rows itself. */
const LISTS_OF_A_ROW: ReadonlySet<string> = new Set<string>([
  ...CONVERSATION_FIELDS,
  ...TOOLS_FIELDS,
  ...PREFERENCE_FIELDS.flat(),
  "prompt",
  "completion",
  "history",
]);

/** Where the scanner is. */
type State =
  | "top" // between values, outside of everything
  | "items" // in an array of rows, before an item or the end
  | "next-item" // behind an item
  | "row" // in a row
  | "key" // in an object outside of everything, before a key or the end
  | "in-key"
  | "colon"
  | "value" // before the value of a key
  | "peek" // behind the bracket that begins the value of a key
  | "in-value"
  | "next-key"; // behind the value of a key

const [TAB, LF, CR, SPACE] = [9, 10, 13, 32];
const [QUOTE, COMMA, COLON, BACKSLASH] = [34, 44, 58, 92];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

/** Options of {@linkcode createJsonScanner}. */
export interface JsonScannerOptions {
  /** The longest row that is read, in bytes. @default {64 MiB} */
  readonly maxRowBytes?: number;
}

/** Takes the bytes of a JSON text in order. */
export interface JsonScanner {
  /** Returns the rows that end in `chunk`. */
  push(chunk: Uint8Array): RawRow[];
  /** Ends the text. */
  end(): void;
}

/** Creates a scanner; what it is given and cannot go on from makes it throw an {@linkcode UnreadableError}. */
export function createJsonScanner(
  { maxRowBytes = MAX_ROW_BYTES }: JsonScannerOptions = {},
): JsonScanner {
  let state: State = "top";
  let line = 1;
  let row = 0;
  // what is being scanned: a row, or the value of a key
  let depth = 0;
  let inString = false;
  let escaped = false;
  let scalar = false;
  // what is kept of it
  let keeping = false;
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  let keptFrom = 0;
  let keptLine = 1;
  // the object outside of everything
  let key = "";
  let keyBytes: number[] = [];
  let holdsRows = false;
  let inObject = false;

  const fail = (message: string) => new UnreadableError(message, { line, row: row + 1 });
  const unexpected = (byte: number, wanted: string) =>
    fail(
      `it is not valid JSON: there is ${
        JSON.stringify(String.fromCharCode(byte))
      } where ${wanted} is due`,
    );
  const startKeeping = (at: number) => {
    [keeping, kept, keptBytes, keptFrom, keptLine] = [true, [], 0, at, line];
  };
  const keepRest = (chunk: Uint8Array, end: number) => {
    if (!keeping) return;
    const part = chunk.subarray(keptFrom, end);
    keptBytes += part.length;
    if (keptBytes <= maxRowBytes) kept.push(part);
    else kept = [];
    keptFrom = 0;
  };
  const takeRow = (chunk: Uint8Array, end: number): RawRow => {
    keepRest(chunk, end);
    keeping = false;
    row++;
    const place = { line: keptLine, row };
    if (keptBytes > maxRowBytes) {
      const message = `it is longer than ${formatBytes(maxRowBytes)}`;
      return { ...place, problem: { code: "row-too-long", message } };
    }
    const bytes = joined(kept, keptBytes);
    kept = [];
    try {
      return { ...place, text: UTF8.decode(bytes) };
    } catch {
      const fix = "save the file as UTF-8";
      return { ...place, problem: { code: "invalid-utf8", message: "it is not valid UTF-8", fix } };
    }
  };
  const startScan = (byte: number) => {
    depth = byte === OPEN_OBJECT || byte === OPEN_ARRAY ? 1 : 0;
    inString = byte === QUOTE;
    scalar = depth === 0 && !inString;
    escaped = false;
  };

  /** Goes on from `at` to the end of what is being scanned; returns the place behind it, −1 if it is not there. */
  const scan = (chunk: Uint8Array, at: number): number => {
    for (let i = at; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (byte === LF) line++;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) {
          inString = false;
          if (depth === 0) return i + 1;
        }
      } else if (byte === QUOTE) inString = true;
      else if (scalar) {
        if (isSpace(byte) || byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
          if (byte === LF) line--; // it is seen again
          return i;
        }
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (--depth === 0) return i + 1;
      }
    }
    return -1;
  };

  const push = (chunk: Uint8Array): RawRow[] => {
    const rows: RawRow[] = [];
    keptFrom = 0;
    for (let i = 0; i < chunk.length;) {
      const byte = chunk[i]!;
      if (state === "row" || state === "in-value") {
        const end = scan(chunk, i);
        if (end === -1) break;
        i = end;
        if (state === "row") {
          rows.push(takeRow(chunk, end));
          state = "next-item";
        } else state = "next-key";
        continue;
      }
      if (state === "in-key") {
        if (byte === QUOTE && !escaped) {
          key = String.fromCharCode(...keyBytes);
          state = "colon";
        } else if (keyBytes.length < 64) keyBytes.push(byte);
        escaped = byte === BACKSLASH && !escaped;
        i++;
        continue;
      }
      if (isSpace(byte)) {
        if (byte === LF) line++;
        i++;
        continue;
      }
      switch (state) {
        case "top":
          if (byte === OPEN_ARRAY) state = "items";
          else if (byte === OPEN_OBJECT) {
            [state, inObject, holdsRows] = ["key", true, false];
            startKeeping(i);
          } else if (!(byte >= 0xbb && i < 3 && row === 0)) { // no byte order mark
            throw unexpected(byte, "an object or an array");
          }
          i++;
          break;
        case "items":
        case "next-item":
          if (byte === CLOSE_ARRAY) {
            state = inObject ? "next-key" : "top";
            i++;
          } else if (state === "next-item") {
            if (byte !== COMMA) throw unexpected(byte, 'a "," or "]"');
            state = "items";
            i++;
          } else {
            if (byte === COMMA || byte === CLOSE_OBJECT) throw unexpected(byte, "a row");
            startKeeping(i);
            startScan(byte);
            state = "row";
            i++;
          }
          break;
        case "key":
          if (byte === CLOSE_OBJECT) {
            i++;
            if (!holdsRows) rows.push(takeRow(chunk, i));
            [state, inObject, keeping] = ["top", false, false];
          } else if (byte === QUOTE) {
            [state, keyBytes, escaped] = ["in-key", [], false];
            i++;
          } else throw unexpected(byte, "a key");
          break;
        case "colon":
          if (byte !== COLON) throw unexpected(byte, 'a ":"');
          state = "value";
          i++;
          break;
        case "value":
          startScan(byte);
          state = byte === OPEN_ARRAY ? "peek" : "in-value";
          i++;
          break;
        case "peek":
          if (byte === OPEN_OBJECT && !LISTS_OF_A_ROW.has(key)) {
            [holdsRows, keeping, kept, state] = [true, false, [], "items"];
          } else state = "in-value"; // with the bracket counted
          break;
        case "next-key":
          if (byte === COMMA) {
            state = "key";
            i++;
          } else if (byte === CLOSE_OBJECT) state = "key";
          else throw unexpected(byte, 'a "," or "}"');
          break;
      }
    }
    keepRest(chunk, chunk.length);
    if (keptBytes > maxRowBytes && state !== "row" && keeping) {
      throw fail(`it is longer than ${formatBytes(maxRowBytes)}`);
    }
    return rows;
  };

  const end = () => {
    if (state === "top") return;
    line = keeping ? keptLine : line;
    throw fail(
      keeping
        ? "the row that begins here does not end; the file is cut off, or a bracket or quote is missing"
        : "its JSON does not end; the file is cut off, or a bracket is missing",
    );
  };
  return { push, end };
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === TAB;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
