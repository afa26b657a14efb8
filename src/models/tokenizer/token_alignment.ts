/**
 * Which tokens stand for which characters.
 *
 * @module
 */

import type { EncodedSection, TextTokenizer, Unit } from "./text_encoder.ts";

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
    const before = tokenizer.normalize(text.slice(section.start, position).toWellFormed()).length;
    const places = placesOf(section);
    const found = isStart
      ? places.findIndex(({ end }) => end > before)
      : places.findLastIndex(({ start }) => start < before);
    const at = found >= 0 ? found : isStart ? places.length - 1 : 0;
    const place = places[at];
    if (place === undefined) return firstToken;
    const { unit, start, lead } = place;
    const characters = Math.max(0, before - start) + lead;
    const byte = utf8.encode(unit.text.slice(0, characters)).length - (isStart ? 0 : 1);
    const token = places.slice(0, at).reduce((sum, each) => sum + each.unit.ids.length, firstToken);
    return token + (unit.token === undefined ? tokenOfByte(unit, byte) : 0);
  }

  function tokenOfByte(unit: Unit, byte: number): number {
    let end = 0;
    const lengths = tokenizer.byteLengths(unit);
    for (let i = 0; i < lengths.length; i++) {
      end += lengths[i]!;
      if (byte < end) return i;
    }
    return Math.max(0, lengths.length - 1);
  }

  return spans.map(({ start, end }) => {
    if (start >= end) return { start: 0, end: 0 };
    return { start: tokenAt(start, true), end: tokenAt(end, false) + 1 };
  });
}

/** Where a word or an added token is in the text of its section. */
interface UnitPlace {
  readonly unit: Unit;
  readonly start: number;
  readonly end: number;
  /** Characters in front of it that are not in the text. */
  readonly lead: number;
}

/** Words follow one another, unless the splitter leaves out what is between them or puts a space in front. */
function placesOf({ text, units }: EncodedSection): UnitPlace[] {
  const length = units.reduce((sum, unit) => sum + unit.text.length, 0);
  let lead = Math.max(0, length - text.length);
  let end = 0;
  return units.map((unit) => {
    const next = length < text.length ? text.indexOf(unit.text, end) : end;
    const start = next < 0 ? end : next;
    const place = { unit, start, lead, end: start + Math.max(0, unit.text.length - lead) };
    end = place.end;
    lead = 0;
    return place;
  });
}
