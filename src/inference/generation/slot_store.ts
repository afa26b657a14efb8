/**
 * Keys and values of several sequences in host memory. Each sequence has a slot; the slots of a layer lie one after the
 * other, so that sequences in neighbouring slots are one tensor that a run reads, and on some devices writes, in place.
 *
 * @module
 */

import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { cacheNames } from "./decoder_graph.ts";

/** A sequence in the store; its slot changes when sequences are brought together. */
export interface SlotSequence {
  /** Where it lies now. */
  readonly slot: number;
  /** How many tokens it holds. */
  readonly length: number;
}

/** The same with what only the store may change. */
interface StoredSequence {
  slot: number;
  length: number;
}

/** A range of slots. */
export interface SlotRange {
  /** First slot. */
  readonly from: number;
  /** Number of slots. */
  readonly count: number;
}

/** Options of {@linkcode SlotStore}. */
export interface SlotStoreOptions {
  /** Factor by which slots grow: small where every run also looks at the room that is not used yet. */
  readonly growth: number;
  /** Capacities are multiples of this, in tokens. @default {64} */
  readonly grain?: number;
}

/** Where slots lie. */
export interface SlotLayout {
  /** By layer, keys then values: [slots, kvHeads, capacity, headDim]. */
  readonly arrays: readonly Float32Array[];
  /** Tokens that each slot has room for. */
  readonly capacity: number;
}

/** Tokens that a run has written. */
export interface WrittenTokens {
  /** Where the slots lay when it began. */
  readonly layout: SlotLayout;
  /** The sequence's slot then. */
  readonly slot: number;
  /** How many tokens it has written behind those that the sequence had. */
  readonly count: number;
}

/** Holds keys and values. */
export class SlotStore {
  readonly #model: LanguageModel;
  readonly #growth: number;
  readonly #grain: number;
  #layout: SlotLayout;
  #runs = 0;
  /** Sequences that were released during a run. */
  #leaving: SlotSequence[] = [];
  /** What lies in each slot. */
  #owners: (StoredSequence | undefined)[] = [undefined];
  #limitBytes = Infinity;
  #views: { readonly from: number; readonly feeds: Record<string, Tensor> } | undefined;

  /** Opens an empty store. */
  constructor(model: LanguageModel, { growth, grain = 64 }: SlotStoreOptions) {
    this.#model = model;
    this.#growth = growth;
    this.#grain = grain;
    this.#layout = this.#allocate(1, grain);
  }

  /** Tokens that each slot has room for. */
  get capacity(): number {
    return this.#layout.capacity;
  }

  /** Where the slots lie now. */
  get layout(): SlotLayout {
    return this.#layout;
  }

  /** Number of slots. */
  get slots(): number {
    return this.#owners.length;
  }

  /** Bytes of all slots. */
  get bytes(): number {
    return this.#owners.length * this.capacity * bytesPerToken(this.#model);
  }

  /** Says how many bytes not to pass by growing faster than is needed. */
  limit(bytes: number): void {
    this.#limitBytes = bytes;
  }

  /** Returns how many bytes `sequences` slots would take, if those in use and `tokens` tokens are to have room. */
  bytesWith(
    { sequences, tokens }: { readonly sequences: number; readonly tokens: number },
  ): number {
    const longest = Math.max(tokens, this.#longest());
    return slotsFor(sequences) * this.#wholeGrains(longest) * bytesPerToken(this.#model);
  }

  /** Does what reads or writes slots where they lie: meanwhile sequences may be opened, but none changes its slot. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    this.#runs++;
    try {
      return await run();
    } finally {
      this.#runs--;
      if (this.#runs === 0) { for (const one of this.#leaving.splice(0)) this.release(one); }
    }
  }

  /** Gives back all room that `sequences` sequences do not need; not while a run reads them where they lie. */
  compact(sequences: number): void {
    if (this.#runs > 0) return;
    const used = this.#owners.filter((owner) => owner !== undefined);
    for (let slot = 0; slot < used.length; slot++) {
      if (this.#owners[slot] !== undefined) continue;
      const last = this.#owners.findLastIndex((owner) => owner !== undefined);
      this.#swap(slot, last);
    }
    this.#resize(slotsFor(Math.max(sequences, used.length)), this.#wholeGrains(this.#longest()));
  }

  #longest(): number {
    return this.#owners.reduce((most, owner) => Math.max(most, owner?.length ?? 0), 0);
  }

  /** Opens an empty sequence. */
  open(): SlotSequence {
    let slot = this.#owners.indexOf(undefined);
    if (slot < 0) {
      slot = this.#owners.length;
      this.#resize(slotsFor(slot + 1), this.capacity);
    }
    const sequence: StoredSequence = { slot, length: 0 };
    this.#owners[slot] = sequence;
    return sequence;
  }

  /** Forgets a sequence; a run that still writes it does so to a slot that nobody else gets before its end. */
  release(sequence: SlotSequence): void {
    if (!this.holds(sequence)) return;
    if (this.#runs > 0) this.#leaving.push(sequence);
    else this.#owners[sequence.slot] = undefined;
  }

  /** Whether a sequence was opened and not released. */
  holds(sequence: SlotSequence): boolean {
    return this.#owners[sequence.slot] === sequence && !this.#leaving.includes(sequence);
  }

  /** Appends tokens that a run has written where the slots lay when it began, if they lie elsewhere now. */
  takeOver(sequence: SlotSequence, { layout, slot, count }: WrittenTokens): void {
    const { headDim, numKeyValueHeads } = this.#model;
    const { length } = sequence;
    this.reserve(length + count);
    if (layout !== this.#layout) {
      for (const [index, array] of layout.arrays.entries()) {
        for (let head = 0; head < numKeyValueHeads; head++) {
          const from = ((slot * numKeyValueHeads + head) * layout.capacity + length) * headDim;
          const part = index * numKeyValueHeads + head;
          const to = this.#placeOf(sequence, part) + length * headDim;
          this.#arrayOf(part).set(array.subarray(from, from + count * headDim), to);
        }
      }
    }
    this.#own(sequence).length = length + count;
  }

  /** Says that a sequence holds so many tokens, those behind them being forgotten. */
  setLength(sequence: SlotSequence, length: number): void {
    this.#own(sequence).length = length;
  }

  /** Makes room for `tokens` tokens in every slot. */
  reserve(tokens: number): void {
    if (tokens <= this.capacity) return;
    const allowed = this.#limitBytes / (this.#owners.length * bytesPerToken(this.#model));
    const grown = Math.min(this.capacity * this.#growth, allowed - this.#grain);
    this.#resize(this.#owners.length, this.#wholeGrains(Math.max(tokens, grown)));
  }

  /** Gives back the room that sequences longer than `tokens` and those there are have left, where it is a third. */
  trim(tokens: number): void {
    const needed = this.#wholeGrains(Math.max(tokens, this.#longest()));
    if (1.5 * needed <= this.capacity) this.#resize(this.#owners.length, needed);
  }

  /** Brings sequences into neighbouring slots, and returns which; they lie there in any order. */
  gather(sequences: readonly SlotSequence[]): SlotRange {
    const count = sequences.length;
    const wanted = new Set<SlotSequence | undefined>(sequences);
    let [from, most] = [0, -1];
    let inside = 0;
    for (let slot = 0; slot < this.#owners.length; slot++) {
      if (wanted.has(this.#owners[slot])) inside++;
      if (slot >= count && wanted.has(this.#owners[slot - count])) inside--;
      if (slot >= count - 1 && inside > most) [from, most] = [slot - count + 1, inside];
    }
    const isInside = (slot: number) => slot >= from && slot < from + count;
    const outside = sequences.filter(({ slot }) => !isInside(slot));
    for (let slot = from; outside.length > 0; slot++) {
      if (!wanted.has(this.#owners[slot])) this.#swap(slot, outside.pop()!.slot);
    }
    return { from, count };
  }

  /** Returns the keys and values of a range of slots, room included, by the names of the graph's inputs. */
  feeds({ from, count }: SlotRange): Record<string, Tensor> {
    const { numLayers, numKeyValueHeads, headDim } = this.#model;
    const known = this.#views;
    if (known?.from === from && known.feeds[cacheNames(0, "past").key]?.shape[0] === count) {
      return known.feeds;
    }
    const size = numKeyValueHeads * this.capacity * headDim;
    const shape = [count, numKeyValueHeads, this.capacity, headDim];
    const view = (index: number): Tensor =>
      tensor(
        "float32",
        shape,
        this.#layout.arrays[index]!.subarray(from * size, (from + count) * size),
      );
    const feeds: Record<string, Tensor> = {};
    for (let layer = 0; layer < numLayers; layer++) {
      const names = cacheNames(layer, "past");
      feeds[names.key] = view(2 * layer);
      feeds[names.value] = view(2 * layer + 1);
    }
    this.#views = { from, feeds };
    return feeds;
  }

  /** Returns a copy of some tokens of a sequence, [2 · numLayers · kvHeads, tokens, headDim]. */
  read(
    sequence: SlotSequence,
    { start, end }: { readonly start: number; readonly end: number },
  ): Float32Array {
    const { numLayers, numKeyValueHeads, headDim } = this.#model;
    const size = (end - start) * headDim;
    const copy = new Float32Array(2 * numLayers * numKeyValueHeads * size);
    for (let part = 0; part < 2 * numLayers * numKeyValueHeads; part++) {
      const from = this.#placeOf(sequence, part) + start * headDim;
      copy.set(this.#arrayOf(part).subarray(from, from + size), part * size);
    }
    return copy;
  }

  /** Appends tokens to a sequence, in the form in which {@linkcode SlotStore.read} gives them. */
  append(sequence: SlotSequence, fresh: Float32Array, count = this.#tokensOf(fresh)): void {
    const { numLayers, numKeyValueHeads, headDim } = this.#model;
    const parts = 2 * numLayers * numKeyValueHeads;
    const size = fresh.length / parts;
    this.reserve(sequence.length + count);
    for (let part = 0; part < parts; part++) {
      const source = part * size;
      const target = this.#placeOf(sequence, part) + sequence.length * headDim;
      this.#arrayOf(part).set(fresh.subarray(source, source + count * headDim), target);
    }
    this.#own(sequence).length += count;
  }

  #tokensOf(fresh: Float32Array): number {
    const { numLayers, numKeyValueHeads, headDim } = this.#model;
    return fresh.length / (2 * numLayers * numKeyValueHeads * headDim);
  }

  #arrayOf(part: number): Float32Array {
    return this.#layout.arrays[Math.floor(part / this.#model.numKeyValueHeads)]!;
  }

  /** Where a head of a sequence begins in its array. */
  #placeOf({ slot }: SlotSequence, part: number): number {
    const { numKeyValueHeads, headDim } = this.#model;
    const head = part % numKeyValueHeads;
    return (slot * numKeyValueHeads + head) * this.capacity * headDim;
  }

  #own(sequence: SlotSequence): StoredSequence {
    const owner = this.#owners[sequence.slot];
    if (owner !== sequence) throw new Error("Internal: the sequence was released");
    return owner as StoredSequence;
  }

  #swap(a: number, b: number): void {
    const { numKeyValueHeads, headDim } = this.#model;
    const [left, right] = [this.#owners[a], this.#owners[b]];
    const used = Math.max(left?.length ?? 0, right?.length ?? 0) * headDim;
    const size = this.capacity * headDim;
    for (const array of this.#layout.arrays) {
      for (let head = 0; head < numKeyValueHeads; head++) {
        const [at, other] = [
          (a * numKeyValueHeads + head) * size,
          (b * numKeyValueHeads + head) * size,
        ];
        if (left === undefined) {
          array.copyWithin(at, other, other + used);
        } else {
          const kept = array.slice(at, at + used);
          array.copyWithin(at, other, other + used);
          array.set(kept, other);
        }
      }
    }
    [this.#owners[a], this.#owners[b]] = [right, left];
    if (right !== undefined) right.slot = a;
    if (left !== undefined) left.slot = b;
  }

  #wholeGrains(tokens: number): number {
    return Math.max(1, Math.ceil(tokens / this.#grain)) * this.#grain;
  }

  #allocate(slots: number, capacity: number): SlotLayout {
    const { numLayers, numKeyValueHeads, headDim } = this.#model;
    const size = slots * numKeyValueHeads * capacity * headDim;
    return {
      arrays: Array.from({ length: 2 * numLayers }, () => new Float32Array(size)),
      capacity,
    };
  }

  #resize(slots: number, capacity: number): void {
    const { numKeyValueHeads, headDim } = this.#model;
    const old = this.#layout;
    this.#layout = this.#allocate(slots, capacity);
    for (const [index, array] of this.#layout.arrays.entries()) {
      for (const [slot, owner] of this.#owners.entries()) {
        const used = (owner?.length ?? 0) * headDim;
        for (let head = 0; head < numKeyValueHeads && used > 0; head++) {
          const row = slot * numKeyValueHeads + head;
          const source = row * old.capacity * headDim;
          array.set(old.arrays[index]!.subarray(source, source + used), row * capacity * headDim);
        }
      }
    }
    this.#owners = Array.from({ length: slots }, (_, slot) => this.#owners[slot]);
    this.#views = undefined;
  }
}

/** Returns how many bytes the keys and values of one token take. */
export function bytesPerToken(
  { numLayers, numKeyValueHeads, headDim }: Pick<
    LanguageModel,
    "numLayers" | "numKeyValueHeads" | "headDim"
  >,
): number {
  return 2 * numLayers * numKeyValueHeads * headDim * Float32Array.BYTES_PER_ELEMENT;
}

/** Slots are doubled when there are too few. */
function slotsFor(sequences: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, sequences)));
}
