/**
 * Values as Python prints them: what a template of a task description writes where it gives a list.
 *
 * @module
 */

/** Characters that a backslash stands for. */
const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "0": "\0",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\n": "",
};

const CONSTANTS: Readonly<Record<string, unknown>> = {
  None: null,
  True: true,
  False: false,
  null: null,
  true: true,
  false: false,
};

/**
 * Parses text, numbers, constants, lists and tuples; returns `undefined` if `source` is something else.
 */
export function parsePythonLiteral(source: string): unknown {
  const reader = { source, at: 0 };
  try {
    const value = readValue(reader);
    skipBlanks(reader);
    return reader.at === source.length ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface Reader {
  readonly source: string;
  at: number;
}

function readValue(reader: Reader): unknown {
  skipBlanks(reader);
  const first = reader.source[reader.at];
  if (first === "[" || first === "(") return readList(reader, first === "[" ? "]" : ")");
  if (first === "'" || first === '"') return readText(reader, first);
  const word = /^(?:[A-Za-z]+|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)/.exec(
    reader.source.slice(reader.at),
  )?.[0];
  if (word === undefined) throw new SyntaxError("no value");
  reader.at += word.length;
  if (/^[A-Za-z]/.test(word)) {
    if (Object.hasOwn(CONSTANTS, word)) return CONSTANTS[word];
    throw new SyntaxError(`unknown name ${word}`);
  }
  return Number(word);
}

function readList(reader: Reader, end: string): unknown[] {
  const items: unknown[] = [];
  reader.at++;
  while (true) {
    skipBlanks(reader);
    if (reader.source[reader.at] === end) break;
    items.push(readValue(reader));
    skipBlanks(reader);
    if (reader.source[reader.at] === ",") reader.at++;
    else if (reader.source[reader.at] !== end) throw new SyntaxError("no comma");
  }
  reader.at++;
  return items;
}

function readText(reader: Reader, quote: string): string {
  const { source } = reader;
  let text = "";
  for (reader.at++; source[reader.at] !== quote; reader.at++) {
    if (reader.at >= source.length) throw new SyntaxError("no closing quote");
    if (source[reader.at] !== "\\") {
      text += source[reader.at];
      continue;
    }
    const escape = source[++reader.at] ?? "";
    const digits = { x: 2, u: 4, U: 8 }[escape];
    if (digits === undefined) {
      text += ESCAPES[escape] ?? `\\${escape}`;
    } else {
      const code = parseInt(source.slice(reader.at + 1, reader.at + 1 + digits), 16);
      if (Number.isNaN(code) || code > 0x10ffff) throw new SyntaxError("no character");
      text += String.fromCodePoint(code);
      reader.at += digits;
    }
  }
  reader.at++;
  return text;
}

function skipBlanks(reader: Reader): void {
  while (/\s/.test(reader.source[reader.at] ?? "")) reader.at++;
}
