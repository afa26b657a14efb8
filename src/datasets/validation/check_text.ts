/**
 * Characters that have no place in a text to train on.
 *
 * @module
 */

import { type Problem, problem } from "./finding.ts";

/** Options of {@linkcode checkText}. */
export interface CheckTextOptions {
  /** Where the text is in its row. */
  readonly key: string;
  /** Whether it is a raw text, which is taken as it was found. @default {false} */
  readonly isRaw?: boolean;
}

/** Nearly every text has none of these, so that it is looked over once. */
const SUSPICIOUS =
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  /[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u009f\ufffd\ufeff]|<[|｜<]|<(?:start|end)_of_turn>|\[\/?INST\]/;

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0001-\u0008\u000b\u000e-\u001a\u001c-\u001f\u007f-\u0084\u0086-\u009f\ufeff]/;

/** Tokens by which chat templates mark turns and texts end; none is used in prose. */
const MARKUP = /<[|｜][\w▁ -]{1,40}[|｜]>|\[\/?INST\]|<<\/?SYS>>|<(?:start|end)_of_turn>/;

/** Returns what is wrong with the characters of a text, each kind once. */
export function checkText(text: string, { key, isRaw = false }: CheckTextOptions): Problem[] {
  const problems: Problem[] = [];
  if (!text.isWellFormed()) {
    const at = loneSurrogate(text);
    const unit = text.charCodeAt(at).toString(16).toUpperCase();
    problems.push(
      problem("lone-surrogate", `"${key}" holds half a character, U+${unit}, at character ${at}`),
    );
  }
  if (!SUSPICIOUS.test(text)) return problems;
  const at = (index: number) => `at character ${index}`;
  const nul = text.indexOf("\0");
  if (nul >= 0) problems.push(problem("null-character", `"${key}" holds a NUL ${at(nul)}`));
  const replaced = text.indexOf("\ufffd");
  if (replaced >= 0) {
    const code = isRaw ? "damaged-text" : "replacement-character";
    problems.push(
      problem(code, `"${key}" holds U+FFFD, a character that was lost, ${at(replaced)}`),
    );
  }
  const control = text.search(CONTROL);
  if (control > 0 || (control === 0 && text[0] !== "\ufeff")) {
    const code = text.charCodeAt(control).toString(16).toUpperCase().padStart(4, "0");
    problems.push(
      problem("control-character", `"${key}" holds the control character U+${code} ${at(control)}`),
    );
  }
  const markup = MARKUP.exec(text);
  if (markup !== null) {
    problems.push(
      problem("template-markup", `"${key}" spells out ${markup[0]} ${at(markup.index)}`),
    );
  }
  return problems;
}

/** UTF-8 read as Windows-1252 or Latin-1: a lead byte and what follows it, as characters of their own. */
const MOJIBAKE =
  /Ã[\u0080-\u00bf‚-™]|â€[\u0080-\u00bf“”˜™œ¦\u009d]|Â[\u00a0-\u00bf]|ðŸ[\u0080-\u00bf‚-™]/;

/** Returns whether a text seems to have been decoded wrongly. */
export function checkDecoding(text: string, { key }: CheckTextOptions): Problem[] {
  const found = MOJIBAKE.exec(text);
  if (found === null) return [];
  return [
    problem("mojibake", `"${key}" holds "${found[0]}", as UTF-8 that was read as Latin-1 does`),
  ];
}

/** Returns whether an answer says the same again and again. */
export function checkRepetition(text: string, { key }: CheckTextOptions): Problem[] {
  const words = text.split(/\s+/).filter((word) => word !== "");
  let run = 1;
  for (let i = 1; i < words.length; i++) {
    run = words[i] === words[i - 1] ? run + 1 : 1;
    if (run === 20) {
      const word = words[i]!.slice(0, 20);
      return [problem("repetitive-answer", `"${key}" says "${word}" 20 times in a row`)];
    }
  }
  return [];
}

function loneSurrogate(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point >= 0xd800 && point <= 0xdfff) return i;
    if (point > 0xffff) i++;
  }
  return -1;
}
