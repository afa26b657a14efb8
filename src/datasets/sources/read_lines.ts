/**
 * The lines of a text, whatever its size.
 *
 * @module
 */

import { formatBytes } from "../../utils/format.ts";
import type { RowProblem } from "../row_error.ts";

/** A line of a text. */
export interface TextLine {
  /** Its number, counted from 1. */
  readonly line: number;
  /** Its text without the line break; empty where there is a problem. */
  readonly text: string;
  /** Why it cannot be read. */
  readonly problem: RowProblem | undefined;
}

/** The longest row that is read, in bytes. */
export const MAX_ROW_BYTES: number = 64 * 2 ** 20;

const LINE_FEED = 10;

/** Options of {@linkcode readTextLines}. */
export interface ReadTextLinesOptions {
  /** The longest line that is read, in bytes. @default {64 MiB} */
  readonly maxRowBytes?: number;
  /** Whether carriage returns before a line feed are part of the line. @default {false} */
  readonly keepReturns?: boolean;
}

/** Yields the lines in lists, blank ones too. A byte order mark is dropped. */
export async function* readTextLines(
  chunks: AsyncIterable<Uint8Array>,
  { maxRowBytes = MAX_ROW_BYTES, keepReturns = false }: ReadTextLinesOptions = {},
): AsyncGenerator<readonly TextLine[], void> {
  const ended = keepReturns ? (text: string) => text : withoutReturn;
  let line = 1; // the one that has begun
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  let tooLong = false;
  const keep = (bytes: Uint8Array) => {
    if (tooLong || bytes.length === 0) return;
    tooLong = restBytes + bytes.length > maxRowBytes;
    rest = tooLong ? [] : [...rest, bytes];
    restBytes = tooLong ? 0 : restBytes + bytes.length;
  };
  for await (const chunk of chunks) {
    const first = chunk.indexOf(LINE_FEED);
    if (first === -1) {
      keep(chunk);
      continue;
    }
    keep(chunk.subarray(0, first));
    const lines: TextLine[] = [
      tooLong ? longLine(line, maxRowBytes) : decodedLine(joined(rest, restBytes), { line, ended }),
    ];
    line++;
    [rest, restBytes, tooLong] = [[], 0, false];
    const last = chunk.lastIndexOf(LINE_FEED);
    if (last > first) {
      lines.push(...decodedLines(chunk.subarray(first + 1, last), { line, ended }));
      line += lines.length - 1;
    }
    yield lines;
    keep(chunk.subarray(last + 1));
  }
  if (tooLong) yield [longLine(line, maxRowBytes)];
  else if (restBytes > 0) yield [decodedLine(joined(rest, restBytes), { line, ended })];
}

function longLine(line: number, maxRowBytes: number): TextLine {
  const message = `it is longer than ${formatBytes(maxRowBytes)}`;
  return {
    line,
    text: "",
    problem: { code: "row-too-long", message, fix: "write one row per line" },
  };
}

interface DecodeOptions {
  /** The number of the first line. */
  readonly line: number;
  /** What is left of a line at its end. */
  readonly ended: (text: string) => string;
}

function withoutReturn(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}

/** Decoding many lines at once is faster; only where that fails each is decoded by itself. */
function decodedLines(bytes: Uint8Array, { line: first, ended }: DecodeOptions): TextLine[] {
  const text = decoded(bytes, first);
  if (text !== undefined) {
    return text.split("\n")
      .map((each, i) => ({ line: first + i, text: ended(each), problem: undefined }));
  }
  const lines: TextLine[] = [];
  for (let start = 0; start <= bytes.length;) {
    const found = bytes.indexOf(LINE_FEED, start);
    const end = found === -1 ? bytes.length : found;
    lines.push(decodedLine(bytes.subarray(start, end), { line: first + lines.length, ended }));
    start = end + 1;
  }
  return lines;
}

function decodedLine(bytes: Uint8Array, { line, ended }: DecodeOptions): TextLine {
  const text = decoded(bytes, line);
  if (text !== undefined) return { line, text: ended(text), problem: undefined };
  return {
    line,
    text: "",
    problem: {
      code: "invalid-utf8",
      message: "it is not valid UTF-8",
      fix: "save the file as UTF-8",
    },
  };
}

/** A byte order mark is one at the beginning of the file only. */
function decoded(bytes: Uint8Array, line: number): string | undefined {
  try {
    return (line === 1 ? UTF8 : UTF8_WITH_MARK).decode(bytes);
  } catch {
    return undefined;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const UTF8_WITH_MARK = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

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
