/**
 * Access to the tokens of sequences that lie in slots.
 *
 * @module
 */

import type { Device } from "../../engine/runtime/session.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import type { CacheMemory, KeyValueBlock, TokenRange } from "./sequence_cache.ts";
import { bytesPerToken, type SlotSequence, type SlotStore } from "./slot_store.ts";

/** What a run reads is copied into the heap of WebAssembly, which holds 4 GiB, weights and intermediate results too. */
const WASM_BYTES = 2 ** 30;

/** Options of {@linkcode SlotMemory}. */
export interface SlotMemoryOptions {
  /** Holds the sequences. */
  readonly store: SlotStore;
  /** Where runs read them. */
  readonly device: Device;
}

/** The tokens of a store's sequences. */
export class SlotMemory implements CacheMemory {
  readonly bytesPerToken: number;
  readonly mostBytes: number;
  readonly #store: SlotStore;

  /** Gives access to `store`, which holds sequences of `model`, and of which runs on `device` read. */
  constructor(model: LanguageModel, { store, device }: SlotMemoryOptions) {
    this.bytesPerToken = bytesPerToken(model);
    this.mostBytes = device === "wasm" ? WASM_BYTES : Infinity;
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
