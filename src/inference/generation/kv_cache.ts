/**
 * Keys and values of several sequences in host memory. Each sequence has a slot; the slots of a layer lie one after the
 * other, so that any range of slots is one tensor that a run reads in place.
 *
 * @module
 */

import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { cacheNames } from "./decoder_graph.ts";

/** Capacities are multiples of this, in tokens. */
const GRAIN = 64;

/** Factor by which full slots grow: every run also looks at the room that is not used yet, so it is kept small. */
const GROWTH = 1.125;

/** A range of slots. */
export interface SlotRange {
  /** First slot. */
  readonly from: number;
  /** Number of slots. */
  readonly count: number;
}

/** Holds keys and values. */
export class KvCache {
  readonly #model: LanguageModel;
  /** By layer, keys then values: [slots, kvHeads, capacity, headDim]. */
  #arrays: Float32Array[];
  #slots = 1;
  #capacity = GRAIN;
  /** Tokens of each slot; −1 where it is free. */
  readonly #lengths: number[] = [-1];

  /** Opens an empty cache. */
  constructor(model: LanguageModel) {
    this.#model = model;
    this.#arrays = this.#allocate();
  }

  /** Tokens that each slot has room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Takes a free slot. */
  take(): number {
    let slot = this.#lengths.indexOf(-1);
    if (slot < 0) {
      slot = this.#slots;
      this.#resize(this.#slots * 2, this.#capacity);
    }
    this.#lengths[slot] = 0;
    return slot;
  }

  /** Gives a slot back. */
  release(slot: number): void {
    this.#lengths[slot] = -1;
  }

  /** Returns the number of tokens in a slot. */
  lengthOf(slot: number): number {
    return Math.max(0, this.#lengths[slot]!);
  }

  /** Makes room for `tokens` tokens in every slot. */
  reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const grown = Math.max(tokens, Math.ceil(this.#capacity * GROWTH));
    this.#resize(this.#slots, Math.ceil(grown / GRAIN) * GRAIN);
  }

  /** Returns the keys and values of a range of slots, room included. */
  feeds({ from, count }: SlotRange): Record<string, Tensor> {
    const { numLayers, numKeyValueHeads, headDim } = this.#model;
    const size = numKeyValueHeads * this.#capacity * headDim;
    const shape = [count, numKeyValueHeads, this.#capacity, headDim];
    const view = (index: number): Tensor =>
      tensor("float32", shape, this.#arrays[index]!.subarray(from * size, (from + count) * size));
    const feeds: Record<string, Tensor> = {};
    for (let layer = 0; layer < numLayers; layer++) {
      const names = cacheNames(layer, "past");
      feeds[names.key] = view(2 * layer);
      feeds[names.value] = view(2 * layer + 1);
    }
    return feeds;
  }

  /**
   * Appends to a slot what a run made of one of its rows.
   *
   * @param fresh Keys and values, [2 · numLayers · kvHeads, tokens, headDim].
   */
  append(slot: number, fresh: Float32Array): void {
    const { numLayers, numKeyValueHeads, headDim } = this.#model;
    const size = fresh.length / (2 * numLayers * numKeyValueHeads);
    const length = this.lengthOf(slot);
    for (let index = 0; index < 2 * numLayers; index++) {
      for (let head = 0; head < numKeyValueHeads; head++) {
        const source = (index * numKeyValueHeads + head) * size;
        const target = ((slot * numKeyValueHeads + head) * this.#capacity + length) * headDim;
        this.#arrays[index]!.set(fresh.subarray(source, source + size), target);
      }
    }
    this.#lengths[slot] = length + size / headDim;
  }

  #allocate(): Float32Array[] {
    const { numLayers, numKeyValueHeads, headDim } = this.#model;
    const size = this.#slots * numKeyValueHeads * this.#capacity * headDim;
    return Array.from({ length: 2 * numLayers }, () => new Float32Array(size));
  }

  #resize(slots: number, capacity: number): void {
    const { numKeyValueHeads, headDim } = this.#model;
    const [old, oldSlots, oldCapacity] = [this.#arrays, this.#slots, this.#capacity];
    this.#slots = slots;
    this.#capacity = capacity;
    this.#arrays = this.#allocate();
    for (let slot = oldSlots; slot < slots; slot++) this.#lengths[slot] = -1;
    for (const [index, array] of this.#arrays.entries()) {
      for (let row = 0; row < oldSlots * numKeyValueHeads; row++) {
        const used = this.lengthOf(Math.floor(row / numKeyValueHeads)) * headDim;
        const source = row * oldCapacity * headDim;
        array.set(old[index]!.subarray(source, source + used), row * capacity * headDim);
      }
    }
  }
}
