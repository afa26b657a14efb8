/**
 * How much of a word each of its tokens stands for, where tokens are spelled as text.
 *
 * @module
 */

/** What is known of tokens. */
export interface TokenSpelling {
  /** Spelling of each token by id. */
  readonly spelling: readonly (string | undefined)[];
  /** The token that stands for what no other does. */
  readonly unknownId: number | undefined;
}

const utf8 = new TextEncoder();

/** Marks of tokens that go on with a word or end it, which are no part of the text. */
const AFFIXES = /^##|<\/w>$/g;

const BYTE = /^<0x[0-9A-F]{2}>$/;

/** Returns how many bytes of `word` each of its tokens stands for; together they need not be all. */
export function tokenByteLengths(
  word: string,
  ids: readonly number[],
  { spelling, unknownId }: TokenSpelling,
): number[] {
  const textOf = (id: number | undefined): string | undefined => {
    const token = id === undefined || id === unknownId ? undefined : spelling[id];
    return token === undefined || BYTE.test(token) ? undefined : token;
  };
  let at = 0; // characters of the word that are done
  let bytesLeft = 0; // of a character that byte tokens spell
  return ids.map((id, i) => {
    const token = textOf(id);
    if (token !== undefined) {
      const bare = word.startsWith(token, at) ? token : token.replace(AFFIXES, "");
      at += bare.length;
      return utf8.encode(bare).length;
    }
    if (id !== unknownId) {
      if (bytesLeft === 0) {
        const character = characterAt(word, at);
        bytesLeft = utf8.encode(character).length;
        at += character.length;
      }
      bytesLeft = Math.max(0, bytesLeft - 1);
      return 1;
    }
    // unknown characters in a row may be one token, which then reaches to what is known again
    const start = at;
    at += characterAt(word, at).length;
    if (i + 1 === ids.length) at = word.length;
    const next = textOf(ids[i + 1]);
    while (next !== undefined && at < word.length && !word.startsWith(next, at)) {
      at += characterAt(word, at).length;
    }
    return utf8.encode(word.slice(start, at)).length;
  });
}

function characterAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  return code === undefined ? "" : String.fromCodePoint(code);
}
