/**
 * The bytes that each token adds to a text.
 *
 * @module
 */

import { fromByteLevel } from "../../models/tokenizer/byte_level.ts";
import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";

/** Tokens in the order of their bytes. */
export interface TokenBytes {
  /** Ids, in the order of their bytes. */
  readonly ids: Int32Array;
  /** The bytes of each, in the same order. */
  readonly bytes: readonly Uint8Array[];
  /** How many bytes each has in common with the one before it. */
  readonly shared: Int32Array;
  /** For each byte, whether there is a token of that byte alone. */
  readonly alphabet: Uint8Array;
  /** The id of a token by its bytes, written as Latin-1. */
  readonly byText: ReadonlyMap<string, number>;
}

/** Options of {@linkcode readTokenBytes}. */
export interface ReadTokenBytesOptions {
  /** Extent of the logits; tokens behind it are left out. */
  readonly vocabSize: number;
  /** Tokens that are no text. */
  readonly eosTokenIds: readonly number[];
}

interface TokenizerFile {
  readonly model?: { readonly vocab?: unknown };
  readonly decoder?: unknown;
  readonly added_tokens?: readonly {
    readonly id: number;
    readonly content: string;
    readonly special?: boolean;
  }[];
}

/** Returns the bytes of every token that is text. */
export function readTokenBytes(
  tokenizer: Tokenizer,
  { vocabSize, eosTokenIds }: ReadTokenBytesOptions,
): TokenBytes {
  const ends = new Set(eosTokenIds);
  const entries = [...spelledTokens(tokenizer, vocabSize)]
    .filter(([id, bytes]) => id < vocabSize && bytes.length > 0 && !ends.has(id))
    .toSorted(([, a], [, b]) => compare(a, b));
  const alphabet = new Uint8Array(256);
  const byText = new Map<string, number>();
  const shared = new Int32Array(entries.length);
  for (const [i, [id, bytes]] of entries.entries()) {
    if (bytes.length === 1) alphabet[bytes[0]!] = 1;
    byText.set(latin1(bytes), id);
    if (i > 0) shared[i] = sharedLength(entries[i - 1]![1], bytes);
  }
  return {
    ids: Int32Array.from(entries, ([id]) => id),
    bytes: entries.map(([, bytes]) => bytes),
    shared,
    alphabet,
    byText,
  };
}

/** Writes each byte as the character of its number. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function spelledTokens(tokenizer: Tokenizer, vocabSize: number): ReadonlyMap<number, Uint8Array> {
  const file = tokenizer.files.get("tokenizer.json");
  const json: TokenizerFile = file === undefined ? {} : JSON.parse(new TextDecoder().decode(file));
  const spell = spelling(JSON.stringify(json.decoder ?? null));
  if (spell === undefined || json.model?.vocab === undefined) return decoded(tokenizer, vocabSize);
  const { vocab } = json.model;
  const tokens = new Map<number, Uint8Array>();
  const pairs = Array.isArray(vocab)
    ? vocab.map((entry: readonly [string, number], id) => [entry[0], id] as const)
    : Object.entries(vocab as Readonly<Record<string, number>>);
  for (const [token, id] of pairs) tokens.set(id, spell(token));
  for (const { id, content, special } of json.added_tokens ?? []) {
    if (special) tokens.delete(id);
    else tokens.set(id, new TextEncoder().encode(content));
  }
  return tokens;
}

/** How a tokenizer with this decoder spells bytes; `undefined` if that depends on what stands around a token. */
function spelling(decoder: string): ((token: string) => Uint8Array) | undefined {
  if (decoder.includes('"type":"ByteLevel"')) return fromByteLevel;
  if (!decoder.includes("▁")) return undefined;
  const hasBytes = decoder.includes('"type":"ByteFallback"');
  return (token) => {
    const byte = hasBytes ? /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1] : undefined;
    if (byte !== undefined) return Uint8Array.of(parseInt(byte, 16));
    return new TextEncoder().encode(token.replaceAll("▁", " "));
  };
}

/** Tokens that are text of their own, wherever they stand. */
function decoded(tokenizer: Tokenizer, vocabSize: number): ReadonlyMap<number, Uint8Array> {
  const tokens = new Map<number, Uint8Array>();
  for (let id = 0; id < Math.min(vocabSize, tokenizer.vocabSize); id++) {
    const text = tokenizer.decode([id, id]);
    const half = text.slice(0, text.length / 2);
    const isPlain = text.length % 2 === 0 && text === half + half && !text.includes("\ufffd");
    if (isPlain) tokens.set(id, new TextEncoder().encode(half));
  }
  return tokens;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = sharedLength(a, b);
  return (a[length] ?? -1) - (b[length] ?? -1);
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
