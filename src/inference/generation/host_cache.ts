/**
 * Keys and values in host memory, for CPUs: runs read them and give out those of new tokens, which are appended.
 *
 * @module
 */

import type { Session } from "../../engine/runtime/session.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { ADAPTER, adapterFeed } from "./adapter_bank.ts";
import { FRESH, HIDDEN, LOGITS } from "./decoder_graph.ts";
import { runFeeds, type RunKind, runKinds, type RunRow } from "./run_feeds.ts";
import type { CacheOptions, CacheRow, RunResult, SequenceCache } from "./sequence_cache.ts";
import { SlotMemory } from "./slot_memory.ts";
import { type SlotSequence, SlotStore } from "./slot_store.ts";

/** Every run also copies the room that is not used yet and looks at it, so it is kept small. */
const GROWTH = 1.125;
const GRAIN = 16;

/** Runs a model whose cache is in host memory. */
export class HostCache implements SequenceCache {
  readonly memory: SlotMemory;
  readonly #model: LanguageModel;
  readonly #session: Session;
  readonly #adapters: number;
  readonly #weights: Readonly<Record<string, Tensor>>;
  readonly #kinds: readonly RunKind[];
  readonly #store: SlotStore;

  /** Opens an empty cache. */
  constructor(model: LanguageModel, { session, adapters, weights = {} }: CacheOptions) {
    this.#model = model;
    this.#session = session;
    this.#adapters = adapters;
    this.#weights = weights;
    this.#kinds = runKinds(model);
    this.#store = new SlotStore(model, { growth: GROWTH, grain: GRAIN });
    this.memory = new SlotMemory(model, { store: this.#store, device: session.device });
  }

  /** Any rows: masks say what each of them sees. */
  canRun(): boolean {
    return true;
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
    const longest = Math.max(...rows.map(({ sequence, ids }) => sequence.length + ids.length));
    this.#store.trim(longest);
    this.#store.reserve(longest);
    const range = this.#store.gather(sequences);
    const runRows = new Array<RunRow>(rows.length);
    const adapters = new Int32Array(rows.length);
    const wanted: number[] = [];
    for (const { sequence, ids, adapter } of rows) {
      const row = (sequence as SlotSequence).slot - range.from;
      const { length } = sequence;
      runRows[row] = { ids, position: length, past: { from: 0, to: length } };
      adapters[row] = adapter;
      for (let token = result === "last-logits" ? ids.length - 1 : 0; token < ids.length; token++) {
        wanted.push(row * seqLen + token);
      }
    }
    const { inputNames } = this.#session;
    const output = result === "hidden" ? HIDDEN : LOGITS;
    const slots = sequences.map(({ slot }) => slot);
    const feeds = {
      ...runFeeds(runRows, {
        seqLen,
        maxPositions: this.#model.maxPositions,
        pastLength: this.#store.capacity,
        kinds: this.#kinds,
        wanted,
        result,
        inputNames,
      }),
      ...inputNames.includes(ADAPTER) && { [ADAPTER]: adapterFeed(adapters, this.#adapters) },
      ...this.#store.feeds(range),
      ...this.#weights,
    };
    const outputs = await this.#store.during(() =>
      this.#session.run(feeds, { outputs: [FRESH, output] })
    );
    const fresh = (outputs[FRESH] as Tensor<"float32">).data;
    const size = fresh.length / rows.length;
    const made = (outputs[output] as Tensor<"float32">).data;
    const width = result === "hidden" ? this.#model.hiddenSize : this.#model.vocabSize;
    let start = 0;
    return rows.map(({ ids }, at) => {
      const row = slots[at]! - range.from;
      const part = fresh.subarray(row * size, (row + 1) * size);
      const sequence = sequences[at]!;
      if (this.#store.holds(sequence)) this.#store.append(sequence, part, ids.length);
      const count = (result === "last-logits" ? 1 : ids.length) * width;
      return made.subarray(start, start += count);
    });
  }

  /** Nothing to free: host memory is collected. */
  [Symbol.dispose](): void {}
}
