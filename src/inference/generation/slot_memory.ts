/**
 * Access to the tokens of sequences that lie in slots.
 *
 * @module
 */

import type { LanguageModel } from "../../models/language_model.ts";
import type { CacheMemory, KeyValueBlock, TokenRange } from "./sequence_cache.ts";
import { bytesPerToken, type SlotSequence, type SlotStore } from "./slot_store.ts";

/** The tokens of a store's sequences. */
export class SlotMemory implements CacheMemory {
  readonly bytesPerToken: number;
  readonly #store: SlotStore;

  /** Gives access to `store`, which holds sequences of `model`. */
  constructor(model: LanguageModel, store: SlotStore) {
    this.bytesPerToken = bytesPerToken(model);
    this.#store = store;
  }

  /** See {@linkcode CacheMemory.bytes}. */
  get bytes(): number {
    return this.#store.bytes;
  }

  /** See {@linkcode CacheMemory.limit}. */
  limit(bytes: number): void {
    this.#store.limit(bytes);
  }

  /** See {@linkcode CacheMemory.bytesWith}. */
  bytesWith(
    options: { readonly sequences: number; readonly tokens: number },
  ): number {
    return this.#store.bytesWith(options);
  }

  /** See {@linkcode CacheMemory.compact}. */
  compact(sequences: number): void {
    this.#store.compact(sequences);
  }

  /** See {@linkcode CacheMemory.truncate}. */
  truncate(sequence: SlotSequence, length: number): void {
    this.#store.setLength(sequence, length);
  }

  /** See {@linkcode CacheMemory.read}. */
  read(sequence: SlotSequence, range: TokenRange): KeyValueBlock {
    return this.#store.read(sequence, range);
  }

  /** See {@linkcode CacheMemory.append}. */
  append(sequence: SlotSequence, block: KeyValueBlock): void {
    this.#store.append(sequence, block);
  }
}
