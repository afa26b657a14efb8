/**
 * Embeddings by a model that generates: its hidden states, pooled.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import type { Decoder, DecoderSequence } from "../generation/decoder.ts";
import { createPooler, type Pooler, type Pooling } from "../generation/pooling.ts";

/** Options of {@linkcode embedTokens}. */
export interface EmbedOptions {
  /** How hidden states become one vector. */
  readonly pooling: Pooling;
  /** The adapter that changes the model. @default {none} */
  readonly adapter?: string | undefined;
  /** The most bytes of keys and values beside those of what is generated meanwhile; one text is always read. */
  readonly cacheBytes: number;
  /** How many other sequences may be open. */
  readonly others: number;
  /** Calls it off. */
  readonly signal: AbortSignal;
}

/** What is read in one run: between runs, others that use the model have their turn. */
const RUN_TOKENS = 256;

/** The most texts that are read in one run. */
const RUN_TEXTS = 16;

/** Whether `decoder` gives hidden states. */
export function canEmbed(
  decoder: Decoder,
): decoder is Decoder & { readonly hiddenSize: number } {
  return decoder.hiddenSize !== undefined;
}

/**
 * Returns a vector of length 1 for each of `texts`, which are token ids.
 *
 * @throws {RangeError} If a text has no tokens or more than the model has positions.
 */
export async function embedTokens(
  decoder: Decoder & { readonly hiddenSize: number },
  texts: readonly (readonly number[])[],
  options: EmbedOptions,
): Promise<Float32Array[]> {
  const vectors = new Array<Float32Array>(texts.length);
  // Texts of about one length are read together without filling up much.
  const order = [...texts.keys()].sort((a, b) => texts[b]!.length - texts[a]!.length);
  for (let at = 0; at < order.length;) {
    const group = order.slice(at, at + groupSize(decoder, texts[order[at]!]!.length, options));
    at += group.length;
    const made = await embedGroup(decoder, group.map((index) => texts[index]!), options);
    for (const [i, index] of group.entries()) vectors[index] = made[i]!;
  }
  return vectors;
}

/** How many texts of at most `length` tokens are read side by side. */
function groupSize(
  { memory }: Decoder,
  length: number,
  { others, cacheBytes }: EmbedOptions,
): number {
  let count = Math.max(1, Math.min(RUN_TEXTS, Math.floor(RUN_TOKENS / length)));
  const bytes = () => memory?.bytesWith({ sequences: count + others, tokens: length }) ?? 0;
  while (count > 1 && bytes() > cacheBytes) count = Math.floor(count / 2);
  return count;
}

/** A text that is being read. */
interface Reading {
  readonly ids: readonly number[];
  readonly sequence: DecoderSequence;
  readonly pooler: Pooler;
}

async function embedGroup(
  decoder: Decoder & { readonly hiddenSize: number },
  texts: readonly (readonly number[])[],
  { pooling, adapter, signal }: EmbedOptions,
): Promise<Float32Array[]> {
  using sequences = new DisposableStack();
  const readings = texts.map((ids): Reading => ({
    ids,
    sequence: sequences.use(decoder.open({ adapter })),
    pooler: createPooler(pooling, decoder.hiddenSize),
  }));
  for (let start = 0;; start += RUN_TOKENS) {
    signal.throwIfAborted();
    const unread = readings.filter(({ ids }) => start === 0 || ids.length > start);
    if (unread.length === 0) break;
    const extensions = unread.map(({ ids, sequence }) => ({
      sequence,
      ids: ids.slice(start, start + RUN_TOKENS),
    }));
    const states = await decoder.extend(extensions, { hidden: true });
    for (const [i, { pooler }] of unread.entries()) pooler.add(states[i]!);
    await setImmediate(); // messages are heard
  }
  return readings.map(({ pooler }) => pooler.finish());
}
