/**
 * Finds calls of functions in what a model writes, while it writes.
 *
 * @module
 */

import type { ToolFormat } from "./tool_format.ts";

/** A call of a function. */
export interface WrittenCall {
  /** The function's name. */
  readonly name: string;
  /** The text of the JSON object that it is called with. */
  readonly arguments: string;
}

/** What has become certain. */
export interface ToolOutput {
  /** Text that is no call. */
  readonly text: string;
  /** Calls that are whole. */
  readonly calls: readonly WrittenCall[];
}

/** Takes a text piece by piece. */
export interface ToolCallParser {
  /** Takes more of the text. */
  push(text: string): ToolOutput;
  /** Takes the end; what looked like a call and is none, is text. */
  end(): ToolOutput;
}

/** Creates what finds calls written in `format`. */
export function createToolCallParser(format: ToolFormat): ToolCallParser {
  return format === "tags" ? new TagParser() : new JsonParser();
}

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";

class TagParser implements ToolCallParser {
  #held = "";
  #hasCalls = false;

  push(text: string): ToolOutput {
    this.#held += text;
    return this.#take({ isEnd: false });
  }

  end(): ToolOutput {
    return this.#take({ isEnd: true });
  }

  #take({ isEnd }: { readonly isEnd: boolean }): ToolOutput {
    let said = "";
    const calls: WrittenCall[] = [];
    while (true) {
      const open = this.#held.indexOf(OPEN);
      if (open < 0) break;
      const before = this.#held.slice(0, open).trimEnd(); // white space around calls is no text
      said += before;
      this.#held = this.#held.slice(before.length);
      const begin = open - before.length + OPEN.length;
      const close = this.#held.indexOf(CLOSE, begin);
      if (close < 0 && !isEnd) return { text: said, calls };
      const end = close < 0 ? this.#held.length : close;
      const call = parseCall(this.#held.slice(begin, end));
      const rest = this.#held.slice(end + (close < 0 ? 0 : CLOSE.length));
      if (call === undefined) said += this.#held.slice(0, this.#held.length - rest.length);
      else calls.push(call);
      this.#hasCalls ||= call !== undefined;
      this.#held = rest;
    }
    const isRest = isEnd && !(this.#hasCalls && this.#held.trim() === "");
    const sure = isEnd ? this.#held.length : this.#held.length - undecided(this.#held);
    if (!isEnd || isRest) said += this.#held.slice(0, sure);
    this.#held = this.#held.slice(sure);
    return { text: said, calls };
  }
}

/** How much of the end of a text may yet become white space before a call, or its beginning. */
function undecided(text: string): number {
  for (let length = Math.min(OPEN.length - 1, text.length); length > 0; length--) {
    if (OPEN.startsWith(text.slice(-length))) return length + trailingSpace(text.slice(0, -length));
  }
  return trailingSpace(text);
}

function trailingSpace(text: string): number {
  return text.length - text.trimEnd().length;
}

/** A text that begins as JSON is held until it is clear what it is. */
class JsonParser implements ToolCallParser {
  #held = "";
  #isText = false;

  push(text: string): ToolOutput {
    if (this.#isText) return { text, calls: [] };
    this.#held += text;
    const begin = withoutTag(this.#held);
    if (begin === "" || begin.startsWith("{") || "<|python_tag|>".startsWith(begin)) {
      return { text: "", calls: [] };
    }
    this.#isText = true;
    const said = this.#held;
    this.#held = "";
    return { text: said, calls: [] };
  }

  end(): ToolOutput {
    const held = this.#held;
    this.#held = "";
    const calls = splitObjects(withoutTag(held)).map(parseCall);
    const isCalls = calls.length > 0 && calls.every((call) => call !== undefined);
    return isCalls ? { text: "", calls } : { text: held, calls: [] };
  }
}

function withoutTag(text: string): string {
  return text.trimStart().replace(/^<\|python_tag\|>\s*/, "");
}

/** Cuts `{…}; {…}` into its objects. */
function splitObjects(text: string): readonly string[] {
  const objects: string[] = [];
  let depth = 0;
  let begin = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (inString) {
      if (character === "\\") i++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" && depth++ === 0) {
      if (/[^\s;,]/.test(text.slice(begin, i))) return [];
      begin = i;
    } else if (character === "}" && --depth === 0) {
      objects.push(text.slice(begin, i + 1));
      begin = i + 1;
    }
  }
  return /[^\s;,]/.test(text.slice(begin)) ? [] : objects;
}

function parseCall(text: string): WrittenCall | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const call = value as Readonly<Record<string, unknown>>;
  const given = call.arguments ?? call.parameters ?? {};
  if (typeof call.name !== "string" || typeof given !== "object" || Array.isArray(given)) {
    return undefined;
  }
  return { name: call.name, arguments: JSON.stringify(given) };
}
