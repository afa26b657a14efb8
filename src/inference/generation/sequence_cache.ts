/**
 * What a decoder asks of a cache: to run a compiled model over some sequences and to remember their keys and values.
 *
 * @module
 */

import type { Session } from "../../engine/runtime/session.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";

/** What a cache is opened with. */
export interface CacheOptions {
  /** Runs the graph for its place. */
  readonly session: Session;
  /** How many adapters the graph has. */
  readonly adapters: number;
  /** Weights that every run has to be given, by the names of inputs. @default {none} */
  readonly weights?: Readonly<Record<string, Tensor>>;
}

/** A sequence of a cache. */
export interface CacheSequence {
  /** How many tokens it holds. */
  readonly length: number;
}

/** Tokens for one sequence of a cache. */
export interface CacheRow {
  /** The sequence. */
  readonly sequence: CacheSequence;
  /** Tokens to read. */
  readonly ids: readonly number[];
  /** Number of the adapter that changes it; −1 for none. */
  readonly adapter: number;
}

/** Keys and values of some tokens of a sequence, [2 · numLayers · kvHeads, tokens, headDim]. */
export type KeyValueBlock = Float32Array;

/** A range of tokens. */
export interface TokenRange {
  /** The first. */
  readonly start: number;
  /** Before this one. */
  readonly end: number;
}

/** Access to the tokens of sequences, where they lie in host memory. */
export interface CacheMemory {
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
  truncate(sequence: CacheSequence, length: number): void;
  /** Returns a copy of some tokens. */
  read(sequence: CacheSequence, range: TokenRange): KeyValueBlock;
  /** Appends tokens that a sequence with the same beginning had. */
  append(sequence: CacheSequence, block: KeyValueBlock): void;
}

/** What a run returns of each row: logits of its last token or of all its tokens, or hidden states of all its tokens. */
export type RunResult = "last-logits" | "all-logits" | "hidden";

/** Runs a compiled model and remembers the keys and values of each sequence. */
export interface SequenceCache extends Disposable {
  /** Access to its sequences; `undefined` where they lie on a device. */
  readonly memory: CacheMemory | undefined;
  /** Whether one run can read these rows. */
  canRun(rows: readonly CacheRow[]): boolean;
  /** Opens an empty sequence. */
  open(): CacheSequence;
  /** Forgets a sequence. */
  release(sequence: CacheSequence): void;
  /**
   * Reads tokens.
   *
   * @returns One array per row. They may be overwritten by the next run.
   */
  run(rows: readonly CacheRow[], result: RunResult): Promise<Float32Array[]>;
}
