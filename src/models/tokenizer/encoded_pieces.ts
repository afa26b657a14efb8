/**
 * A rendered conversation as token ids, cut where the assistant is asked.
 *
 * A prompt is turned into ids before its answer exists. Where a token would reach across that border (a line break that
 * ends the header with one that begins the answer), the ids of the whole text do not begin with those of the prompt, and
 * what was trained would not be what is asked. Cut there, they do.
 *
 * @module
 */

import type { EncodedSection, TextTokenizer } from "./text_encoder.ts";
import { alignTokens, type Span } from "./token_alignment.ts";

/** Part of a text with its ids. */
interface Piece {
  /** Where it begins in the text. */
  readonly start: number;
  /** What was encoded: the part, behind a lead-in. */
  readonly encoded: string;
  /** Characters of the lead-in. */
  readonly lead: number;
  /** Tokens of the lead-in. */
  readonly leadTokens: number;
  /** The encoded text. */
  readonly sections: readonly EncodedSection[];
  /** Ids behind the lead-in. */
  readonly ids: readonly number[];
}

/** A special token in a text. */
export interface SpecialToken extends Span {
  /** Its id. */
  readonly id: number;
}

/** A text as token ids. */
export interface EncodedPieces {
  /** Its ids. */
  readonly ids: readonly number[];
  /** Where special tokens are. */
  readonly specialTokens: readonly SpecialToken[];
  /** Returns the tokens that hold any of the characters of each of `spans`; empty spans have none. */
  align(spans: readonly Span[]): Span[];
}

/** What pieces are made with. */
export interface EncodePiecesOptions {
  /** Turns text into ids. */
  readonly tokenizer: TextTokenizer;
  /** Turns ids into text. */
  readonly decode: (ids: readonly number[]) => string;
  /** Where no token may reach across, in ascending order. */
  readonly cuts: readonly number[];
}

/** Some tokenizers put a space in front of whatever begins a text; something before it keeps that away. */
const LEADS = ["", "\n", "a", "."] as const;

/** Turns `text` into ids. A cut is left out if the parts would not read as the text. */
export function encodePieces(
  text: string,
  { tokenizer, decode, cuts }: EncodePiecesOptions,
): EncodedPieces {
  const pieces = [encodePiece(text, { start: 0, lead: "", tokenizer })];
  for (const cut of cuts) {
    const last = pieces.at(-1)!;
    if (!reachesAcross(last.sections, cut - last.start + last.lead)) continue;
    const lead = last.encoded.slice(0, last.lead);
    const before = encodePiece(text.slice(last.start, cut), { ...last, lead, tokenizer });
    if (before.ids.every((id, i) => id === last.ids[i])) continue;
    const known = pieces.slice(0, -1).flatMap(({ ids }) => ids);
    const wanted = decode([...known, ...last.ids]);
    for (const lead of LEADS) {
      const after = encodePiece(text.slice(cut), { start: cut, lead, tokenizer });
      if (decode([...known, ...before.ids, ...after.ids]) !== wanted) continue;
      pieces.splice(-1, 1, before, after);
      break;
    }
  }
  return combine(pieces, text.length, tokenizer);
}

/** Whether a word or an added token holds the characters on both sides of `position` of the encoded text. */
export function reachesAcross(sections: readonly EncodedSection[], position: number): boolean {
  const section = sections.findLast(({ start }) => start < position);
  if (section === undefined || section.end <= position) return false;
  // where the normaliser changed the number of characters, only encoding anew can tell
  if (section.text.length !== section.end - section.start) return true;
  let end = section.start;
  for (const unit of section.units) {
    end += unit.text.length;
    if (end >= position) return end > position;
  }
  return true;
}

function encodePiece(
  text: string,
  { start, lead, tokenizer }: {
    readonly start: number;
    readonly lead: string;
    readonly tokenizer: TextTokenizer;
  },
): Piece {
  const encoded = lead + text;
  const sections = tokenizer.encode(encoded, { parseSpecialTokens: true });
  const leadIds = lead === "" ? [] : idsOf(tokenizer.encode(lead, { parseSpecialTokens: true }));
  const ids = idsOf(sections);
  return {
    start,
    encoded,
    lead: lead.length,
    leadTokens: leadIds.length,
    sections,
    ids: leadIds.length === 0 ? ids : ids.slice(leadIds.length),
  };
}

function idsOf(sections: readonly EncodedSection[]): number[] {
  const ids: number[] = [];
  for (const { units } of sections) {
    for (const unit of units) for (const id of unit.ids) ids.push(id);
  }
  return ids;
}

function combine(
  pieces: readonly Piece[],
  length: number,
  tokenizer: TextTokenizer,
): EncodedPieces {
  /** Aligns the parts of spans that lie in piece `index`. */
  function alignIn(index: number, spans: readonly Span[]): (Span | undefined)[] {
    const { start, encoded, lead, leadTokens, sections } = pieces[index]!;
    const end = pieces[index + 1]?.start ?? length;
    const inside = spans.map((span) => ({
      start: Math.max(span.start, start) - start + lead,
      end: Math.min(span.end, end) - start + lead,
    }));
    const firstToken = pieces.slice(0, index).reduce((sum, { ids }) => sum + ids.length, 0);
    return alignTokens(encoded, inside, { sections, tokenizer }).map((tokens, i) =>
      inside[i]!.start >= inside[i]!.end ? undefined : {
        start: Math.max(tokens.start - leadTokens, 0) + firstToken,
        end: tokens.end - leadTokens + firstToken,
      }
    );
  }

  return {
    ids: pieces.length === 1 ? pieces[0]!.ids : pieces.flatMap(({ ids }) => ids),
    specialTokens: pieces.flatMap(({ start, lead, sections }) =>
      sections.flatMap((section) =>
        section.token?.special !== true || section.start < lead ? [] : [{
          id: section.token.id,
          start: section.start + start - lead,
          end: section.end + start - lead,
        }]
      )
    ),
    align(spans) {
      const parts = pieces.map((_, index) => alignIn(index, spans));
      return spans.map((_, i) => {
        const found = parts.flatMap((aligned) => aligned[i] ?? []);
        return { start: found[0]?.start ?? 0, end: found.at(-1)?.end ?? 0 };
      });
    },
  };
}
