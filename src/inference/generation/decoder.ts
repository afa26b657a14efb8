/**
 * A language model that extends sequences of tokens: what generation needs of a model, and nothing more.
 *
 * @module
 */

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
}

/** A model ready to run. Calls never overlap: a second one waits for the first. */
export interface Decoder {
  /** Extent of the logits. */
  readonly vocabSize: number;
  /** The most tokens a sequence may hold. */
  readonly maxPositions: number;
  /** Opens an empty sequence. */
  open(): DecoderSequence;
  /**
   * Reads the ids of each extension and returns logits, one row-major `[positions, vocabSize]` array per
   * extension, where `positions` is 1 or, with `everyPosition`, the number of its ids.
   *
   * @throws {RangeError} If an id is not in the vocabulary or a sequence would pass `maxPositions`.
   */
  extend(extensions: readonly Extension[], options?: ExtendOptions): Promise<Float32Array[]>;
  /** Frees the model. */
  [Symbol.asyncDispose](): Promise<void>;
}
