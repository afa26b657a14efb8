/**
 * Texts in which what is trained is told from what is only read.
 *
 * @module
 */

import { coloured } from "./colours.ts";

/** How the two are told apart. */
export interface TokenStyle {
  /** By colours; else by brackets. */
  readonly colours: boolean;
  /** Whether the id of each token stands behind it. */
  readonly ids: boolean;
}

/** A piece of text. */
export interface Piece {
  /** Its token's id; `undefined` where it is no token. */
  readonly id?: number;
  /** The text. */
  readonly text: string;
  /** Whether it is trained. */
  readonly trained: boolean;
}

/** Says what the style shows. */
export function legend(style: TokenStyle): string {
  const trained = styled([{ text: "trained", trained: true }], style);
  if (!style.colours) return `${trained}, the rest is only read`;
  return `${trained}, ${styled([{ text: "only read", trained: false }], style)}`;
}

/** Returns pieces as one text, those of one kind marked together. */
export function styled(pieces: readonly Piece[], style: TokenStyle): string {
  const stretches: { texts: string[]; readonly trained: boolean }[] = [];
  for (const { id, text, trained } of pieces) {
    const shown = style.ids && id !== undefined ? `${visible(text)}‹${id}›` : text;
    const last = stretches.at(-1);
    if (last?.trained === trained) last.texts.push(shown);
    else stretches.push({ texts: [shown], trained });
  }
  const between = style.ids ? " " : "";
  return stretches.map(({ texts, trained }) => marked(texts.join(between), trained, style))
    .join(between);
}

function marked(text: string, trained: boolean, { colours }: TokenStyle): string {
  if (colours) return coloured(text, trained ? "trained" : "masked");
  return trained && text !== "" ? `⟦${text}⟧` : text;
}

/** Text beside an id: white space is made visible. */
function visible(text: string): string {
  return text.replaceAll(" ", "·").replaceAll("\t", "→").replaceAll("\r", "␍")
    .replaceAll("\n", "↵\n");
}
