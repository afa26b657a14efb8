/**
 * Keys and values in host memory that runs extend in place: for devices that read and write host memory.
 *
 * @module
 */

import type { Session } from "../../engine/runtime/session.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { type AngleTables, angleTables } from "../../models/rope.ts";
import { ADAPTER, adapterFeed } from "./adapter_bank.ts";
import {
  cacheNames,
  HIDDEN,
  IDS,
  kindNames,
  LAST,
  LOGITS,
  POSITIONS,
  TOTAL,
} from "./decoder_graph.ts";
import { type RunKind, runKinds, wantedFeeds } from "./run_feeds.ts";
import type { CacheOptions, CacheRow, RunResult, SequenceCache } from "./sequence_cache.ts";
import { type SlotSequence, SlotStore } from "./slot_store.ts";
import { SlotMemory } from "./slot_memory.ts";

/** Slots that are not full cost nothing, so they may grow fast. */
const GROWTH = 1.5;

/** Runs a model whose cache is extended in place. */
export class InPlaceCache implements SequenceCache {
  readonly memory: SlotMemory;
  readonly #model: LanguageModel;
  readonly #session: Session;
  readonly #adapters: number;
  readonly #weights: Readonly<Record<string, Tensor>>;
  readonly #kinds: readonly RunKind[];
  readonly #store: SlotStore;
  #tables: (AngleTables | undefined)[] = [];
  #tablePositions = 0;
  #output = new Float32Array(0);

  /** Opens an empty cache. */
  constructor(model: LanguageModel, { session, adapters, weights = {} }: CacheOptions) {
    this.#model = model;
    this.#session = session;
    this.#adapters = adapters;
    this.#weights = weights;
    this.#kinds = runKinds(model);
    this.#store = new SlotStore(model, { growth: GROWTH });
    this.memory = new SlotMemory(model, { store: this.#store, device: session.device });
  }

  /** One token each, or prompts from their beginning, or any number of tokens of one sequence. */
  canRun(rows: readonly CacheRow[]): boolean {
    return rows.length === 1 || rows.every(({ ids }) => ids.length === 1) ||
      rows.every(({ sequence }) => sequence.length === 0);
  }

  /** See {@linkcode SequenceCache.open}. */
  open(): SlotSequence {
    return this.#store.open();
  }

  /** See {@linkcode SequenceCache.release}. */
  release(sequence: SlotSequence): void {
    this.#store.release(sequence);
  }

  /** See {@linkcode SequenceCache.run}. */
  async run(rows: readonly CacheRow[], result: RunResult): Promise<Float32Array[]> {
    const sequences = rows.map(({ sequence }) => sequence as SlotSequence);
    const seqLen = Math.max(...rows.map(({ ids }) => ids.length));
    const longest = Math.max(...sequences.map(({ length }) => length)) + seqLen;
    // Rows are filled up to one length; what is read in vain is written behind a sequence's end.
    this.#store.reserve(longest);
    const range = this.#store.gather(sequences);
    const caches = this.#store.feeds(range);
    const { feeds, wanted } = this.#feeds(rows, {
      from: range.from,
      seqLen,
      longest,
      result,
    });
    const output = result === "hidden" ? HIDDEN : LOGITS;
    const width = result === "hidden" ? this.#model.hiddenSize : this.#model.vocabSize;
    const made = this.#outputOf(wanted, width);
    const into: Record<string, Tensor> = { [output]: made };
    for (let layer = 0; layer < this.#model.numLayers; layer++) {
      const [past, present] = [cacheNames(layer, "past"), cacheNames(layer, "present")];
      into[present.key] = caches[past.key]!;
      into[present.value] = caches[past.value]!;
    }
    const { layout } = this.#store;
    const slots = sequences.map(({ slot }) => slot);
    await this.#store.during(() =>
      this.#session.run({ ...feeds, ...caches, ...this.#weights }, {
        outputs: Object.keys(into),
        into,
      })
    );
    let start = 0;
    return rows.map(({ ids }, row) => {
      // While it waited for its turn, others may have opened sequences, and the slots been laid elsewhere.
      const written = { layout, slot: slots[row]!, count: ids.length };
      const sequence = sequences[row]!;
      if (this.#store.holds(sequence)) this.#store.takeOver(sequence, written);
      const count = result === "last-logits" ? 1 : ids.length;
      return made.data.subarray(start * width, (start += count) * width);
    });
  }

  /** Nothing to free: host memory is collected. */
  [Symbol.dispose](): void {}

  #feeds(
    rows: readonly CacheRow[],
    { from, seqLen, longest, result }: {
      readonly from: number;
      readonly seqLen: number;
      readonly longest: number;
      readonly result: RunResult;
    },
  ): { readonly feeds: Record<string, Tensor>; readonly wanted: number } {
    const batch = rows.length;
    const ids = new BigInt64Array(batch * seqLen);
    const positions = new BigInt64Array(batch * seqLen);
    const last = new Int32Array(batch);
    const adapters = new Int32Array(batch);
    const wanted: number[] = [];
    for (const { sequence, ids: rowIds, adapter } of rows) {
      const row = (sequence as SlotSequence).slot - from;
      last[row] = sequence.length + seqLen - 1;
      adapters[row] = adapter;
      for (let token = 0; token < seqLen; token++) {
        ids[row * seqLen + token] = BigInt(rowIds[token] ?? 0);
        const position = Math.min(sequence.length + token, this.#model.maxPositions - 1);
        positions[row * seqLen + token] = BigInt(position);
        if (token < rowIds.length && (result !== "last-logits" || token === rowIds.length - 1)) {
          wanted.push(row * seqLen + token);
        }
      }
    }
    const feeds: Record<string, Tensor> = {
      [IDS]: tensor("int64", [batch, seqLen, 1], ids),
      [POSITIONS]: tensor("int64", [batch, seqLen, 1], positions),
      [LAST]: tensor("int32", [batch], last),
      [TOTAL]: tensor("int32", [1], Int32Array.of(longest)),
      ...wantedFeeds(wanted, result),
      [ADAPTER]: adapterFeed(adapters, this.#adapters),
      ...this.#angles(longest),
    };
    const read = this.#session.inputNames.flatMap((name) =>
      feeds[name] === undefined ? [] : [[name, feeds[name]] as const]
    );
    return { feeds: Object.fromEntries(read), wanted: wanted.length };
  }

  /** The angles of all positions up to `longest`, and some more, as they are made anew for longer sequences. */
  #angles(longest: number): Record<string, Tensor> {
    if (longest > this.#tablePositions) {
      this.#tablePositions = Math.max(longest, 2 * this.#tablePositions, 512);
      const positions = Float64Array.from({ length: this.#tablePositions }, (_, at) => at);
      this.#tables = this.#kinds.map(({ angles }) =>
        angles === null ? undefined : angleTables(angles, positions)
      );
    }
    const feeds: Record<string, Tensor> = {};
    for (const [kind, tables] of this.#tables.entries()) {
      if (tables === undefined) continue;
      const names = kindNames(kind);
      feeds[names.cos] = tables.cos;
      feeds[names.sin] = tables.sin;
    }
    return feeds;
  }

  #outputOf(rows: number, width: number): Tensor<"float32"> {
    const size = rows * width;
    if (this.#output.length < size) this.#output = new Float32Array(size);
    return tensor("float32", [rows, width], this.#output.subarray(0, size));
  }
}
