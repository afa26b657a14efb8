/**
 * Finds added tokens in a text.
 *
 * @module
 */

import type { AddedToken } from "./tokenizer_json.ts";

/** A stretch of text; `token` is the added token that it spells, with the white space it takes. */
export interface Section {
  /** Where it begins in the text. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  /** The added token, `undefined` for text between added tokens. */
  readonly token: AddedToken | undefined;
}

/** Cuts a text into added tokens and what lies between them. */
export type AddedTokenSplitter = (text: string) => Section[];

/**
 * Creates a splitter that finds the leftmost of the `tokens`, the longest one where several begin.
 *
 * @param spell Returns how a token is spelled in the text that will be split.
 */
export function createAddedTokenSplitter(
  tokens: readonly AddedToken[],
  spell: (token: AddedToken) => string,
): AddedTokenSplitter {
  const byFirstUnit = new Map<string, (readonly [string, AddedToken])[]>();
  for (const token of tokens) {
    const spelled = spell(token);
    if (spelled === "") continue;
    const group = byFirstUnit.get(spelled[0]!) ?? [];
    group.push([spelled, token]);
    byFirstUnit.set(spelled[0]!, group);
  }
  for (const group of byFirstUnit.values()) group.sort(([a], [b]) => b.length - a.length);
  if (byFirstUnit.size === 0) return wholeText;
  // code units, not characters: a token may begin with any character
  const first = new RegExp(
    `[${[...byFirstUnit.keys()].map(escapeUnit).join("")}]`,
    "g",
  );

  return (text) => {
    const sections: Section[] = [];
    let done = 0;
    first.lastIndex = 0;
    while (true) {
      const candidate = first.exec(text);
      if (candidate === null) break;
      const at = candidate.index;
      const match = byFirstUnit.get(text[at]!)!.find(([spelled]) => text.startsWith(spelled, at));
      if (match === undefined) continue;
      const [spelled, token] = match;
      first.lastIndex = at + spelled.length;
      if (token.singleWord && touchesWord(text, at, at + spelled.length)) continue;
      const [start, end] = withWhiteSpace(text, token, at, at + spelled.length);
      if (Math.max(start, done) > done) {
        sections.push({ start: done, end: start, token: undefined });
      }
      sections.push({ start: Math.max(start, done), end, token });
      done = end;
      first.lastIndex = end;
    }
    if (done < text.length) sections.push({ start: done, end: text.length, token: undefined });
    return sections;
  };
}

function wholeText(text: string): Section[] {
  return text === "" ? [] : [{ start: 0, end: text.length, token: undefined }];
}

function touchesWord(text: string, start: number, end: number): boolean {
  return /[\p{Alphabetic}\p{M}\p{N}\p{Pc}\p{Join_Control}]$/u.test(
    text.slice(Math.max(0, start - 2), start),
  ) ||
    /^[\p{Alphabetic}\p{M}\p{N}\p{Pc}\p{Join_Control}]/u.test(text.slice(end, end + 2));
}

function withWhiteSpace(
  text: string,
  token: AddedToken,
  start: number,
  end: number,
): readonly [number, number] {
  const isSpace = (at: number): boolean => /\p{White_Space}/u.test(text[at] ?? "");
  if (token.lstrip) { while (start > 0 && isSpace(start - 1)) start--; }
  if (token.rstrip) { while (isSpace(end)) end++; }
  return [start, end];
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
