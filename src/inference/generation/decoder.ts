/**
 * A language model that extends sequences of tokens: what generation needs of a model, and nothing more.
 *
 * @module
 */

import type { KeyValueBlock, TokenRange } from "./sequence_cache.ts";

/** The tokens that a model has read of one sequence, with their keys and values. */
export interface DecoderSequence {
  /** How many tokens it holds. */
  readonly length: number;
  /** Frees its memory. */
  [Symbol.dispose](): void;
}

/** One sequence to extend and the tokens to extend it by. */
export interface Extension {
  /** The sequence; its length grows by the number of `ids`. */
  readonly sequence: DecoderSequence;
  /** Token ids, at least one. */
  readonly ids: readonly number[];
}

/** Options of {@linkcode Decoder.extend}. */
export interface ExtendOptions {
  /** Return the logits at every new position instead of only at the last. @default {false} */
  readonly everyPosition?: boolean;
  /** Return hidden states at every new position instead of logits. @default {false} */
  readonly hidden?: boolean;
}

/** Options of {@linkcode Decoder.open}. */
export interface OpenSequenceOptions {
  /** The adapter that changes the model for this sequence, one of {@linkcode Decoder.adapters}. @default {none} */
  readonly adapter?: string | undefined;
}

/** Access to keys and values, where they lie in host memory. */
export interface DecoderMemory {
  /** Bytes that one token takes. */
  readonly bytesPerToken: number;
  /** The most bytes that a run can read. */
  readonly mostBytes: number;
  /** Bytes that all sequences take, with the room that they do not use. */
  readonly bytes: number;
  /** Says how many bytes not to pass by growing faster than is needed. */
  limit(bytes: number): void;
  /** Gives back all room that `sequences` sequences do not need. */
  compact(sequences: number): void;
  /** Returns how many bytes `sequences` would take at least, if `tokens` tokens are to have room in each. */
  bytesWith(options: { readonly sequences: number; readonly tokens: number }): number;
  /** Forgets all tokens of a sequence from `length` on. */
  truncate(sequence: DecoderSequence, length: number): void;
  /** Returns a copy of the keys and values of some tokens. */
  read(sequence: DecoderSequence, range: TokenRange): KeyValueBlock;
  /** Appends tokens that a sequence with the same beginning and adapter had. */
  append(sequence: DecoderSequence, block: KeyValueBlock): void;
}

/** A model ready to run. Calls never overlap: a second one waits for the first. */
export interface Decoder {
  /** Extent of the logits. */
  readonly vocabSize: number;
  /** The most tokens a sequence may hold. */
  readonly maxPositions: number;
  /** Width of the hidden states; `undefined` where none are returned. */
  readonly hiddenSize?: number | undefined;
  /** Names of the adapters that sequences may use. */
  readonly adapters: readonly string[];
  /** Access to keys and values; `undefined` where they lie on a device. */
  readonly memory: DecoderMemory | undefined;
  /** Opens an empty sequence. */
  open(options?: OpenSequenceOptions): DecoderSequence;
  /**
   * Reads the ids of each extension and returns logits, one row-major `[positions, vocabSize]` array per
   * extension, where `positions` is 1 or, with `everyPosition`, the number of its ids; with `hidden`, normalised hidden
   * states `[ids, hiddenSize]`. They hold until the next call.
   *
   * @throws {RangeError} If an id is not in the vocabulary or a sequence would pass `maxPositions`.
   */
  extend(extensions: readonly Extension[], options?: ExtendOptions): Promise<Float32Array[]>;
  /** Frees the model. */
  [Symbol.asyncDispose](): Promise<void>;
}
