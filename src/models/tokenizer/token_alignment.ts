/**
 * Which tokens stand for which characters.
 *
 * @module
 */

import type { EncodedSection, TextTokenizer } from "./text_encoder.ts";

/** Places from `start` up to but not including `end`. */
export interface Span {
  /** First place. */
  readonly start: number;
  /** Place behind the last one. */
  readonly end: number;
}

const utf8 = new TextEncoder();

/**
 * Returns for each of `spans`, which are characters of `text`, the span of tokens that hold any of them.
 *
 * @param sections What `tokenizer` made of `text`.
 */
export function alignTokens(
  text: string,
  spans: readonly Span[],
  { sections, tokenizer }: {
    readonly sections: readonly EncodedSection[];
    readonly tokenizer: TextTokenizer;
  },
): Span[] {
  const firstTokens: number[] = [];
  let count = 0;
  for (const section of sections) {
    firstTokens.push(count);
    for (const unit of section.units) count += unit.ids.length;
  }

  /** Index of the token that holds the last byte before `position`; of the first byte behind it if `isStart`. */
  function tokenAt(position: number, isStart: boolean): number {
    const reached = isStart ? position : position - 1;
    const index = sections.findLastIndex(({ start }) => start <= reached);
    const section = sections[index];
    if (section === undefined) return 0;
    const firstToken = firstTokens[index]!;
    if (section.token !== undefined) return firstToken;
    // the normaliser may change the number of characters, so the part before is normalised too
    const before = tokenizer.normalize(text.slice(section.start, position).toWellFormed());
    const length = section.units.reduce((sum, unit) => sum + unit.text.length, 0);
    // the splitter may put a space in front
    let rest = before.length + Math.max(0, length - section.text.length);
    let token = firstToken;
    for (const unit of section.units) {
      if (isStart ? rest < unit.text.length : rest <= unit.text.length) {
        const byte = utf8.encode(unit.text.slice(0, rest)).length - (isStart ? 0 : 1);
        return token + (unit.token === undefined ? tokenOfByte(unit.ids, byte) : 0);
      }
      rest -= unit.text.length;
      token += unit.ids.length;
    }
    return Math.max(firstToken, token - 1);
  }

  function tokenOfByte(ids: readonly number[], byte: number): number {
    let end = 0;
    for (let i = 0; i < ids.length; i++) {
      end += tokenizer.byteLength(ids[i]!);
      if (byte < end) return i;
    }
    return ids.length - 1;
  }

  return spans.map(({ start, end }) => {
    if (start >= end) return { start: 0, end: 0 };
    return { start: tokenAt(start, true), end: tokenAt(end, false) + 1 };
  });
}
