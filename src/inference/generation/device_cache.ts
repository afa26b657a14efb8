/**
 * Keys and values in a GPU's memory: each run reads those of the run before it and leaves longer ones there.
 *
 * @module
 */

import type { DeviceTensor, Feed, Session } from "../../engine/runtime/session.ts";
import { type Tensor, zeros } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { cacheNames, HIDDEN, LOGITS } from "./decoder_graph.ts";
import { ADAPTER, adapterFeed } from "./adapter_bank.ts";
import { runFeeds, type RunKind, runKinds } from "./run_feeds.ts";
import type {
  CacheOptions,
  CacheRow,
  CacheSequence,
  RunResult,
  SequenceCache,
} from "./sequence_cache.ts";

/** One sequence: its tokens so far, and its keys and values by the name under which the next run reads them. */
interface DeviceSequence extends CacheSequence {
  length: number;
  past: Readonly<Record<string, Feed>>;
}

/** An empty sequence has one place that is never looked at, since a GPU has no tensors without elements. */
const UNUSED_PLACES = 1;

/** Runs a model whose cache stays on the device. */
export class DeviceCache implements SequenceCache {
  readonly memory = undefined;
  readonly #model: LanguageModel;
  readonly #session: Session;
  readonly #adapters: number;
  readonly #kinds: readonly RunKind[];
  readonly #sequences = new Set<CacheSequence>();

  /** Opens a cache over a session of the graph for device memory, which has so many adapters. */
  constructor(model: LanguageModel, { session, adapters }: CacheOptions) {
    this.#model = model;
    this.#session = session;
    this.#adapters = adapters;
    this.#kinds = runKinds(model);
  }

  /** One row at a time: the tensors of sequences are their own. */
  canRun(rows: readonly CacheRow[]): boolean {
    return rows.length === 1;
  }

  /** See {@linkcode SequenceCache.open}. */
  open(): CacheSequence {
    const { numLayers, numKeyValueHeads, headDim } = this.#model;
    const empty = zeros("float32", [1, numKeyValueHeads, UNUSED_PLACES, headDim]);
    const past: Record<string, Feed> = {};
    for (let layer = 0; layer < numLayers; layer++) {
      const names = cacheNames(layer, "past");
      past[names.key] = empty;
      past[names.value] = empty;
    }
    const sequence: DeviceSequence = { length: 0, past };
    this.#sequences.add(sequence);
    return sequence;
  }

  /** See {@linkcode SequenceCache.release}. */
  release(sequence: CacheSequence): void {
    if (this.#sequences.delete(sequence)) dispose(sequence as DeviceSequence);
  }

  /** See {@linkcode SequenceCache.run}. */
  async run(rows: readonly CacheRow[], result: RunResult): Promise<Float32Array[]> {
    const [row] = rows;
    if (row === undefined || rows.length !== 1 || !this.#sequences.has(row.sequence)) {
      throw new Error("Internal: a run on the device reads one open sequence");
    }
    const { ids, adapter } = row;
    const sequence = row.sequence as DeviceSequence;
    const pastLength = UNUSED_PLACES + sequence.length;
    const first = result === "last-logits" ? ids.length - 1 : 0;
    const { inputNames, outputNames } = this.#session;
    const [wanted, other] = result === "hidden" ? [HIDDEN, LOGITS] : [LOGITS, HIDDEN];
    const outputs = await this.#session.run({
      ...runFeeds(
        [{ ids, position: sequence.length, past: { from: UNUSED_PLACES, to: pastLength } }],
        {
          seqLen: ids.length,
          maxPositions: this.#model.maxPositions,
          pastLength,
          kinds: this.#kinds,
          wanted: Array.from({ length: ids.length - first }, (_, i) => first + i),
          result,
          inputNames,
        },
      ),
      ...inputNames.includes(ADAPTER) &&
        { [ADAPTER]: adapterFeed(Int32Array.of(adapter), this.#adapters) },
      ...sequence.past,
    }, { outputs: outputNames.filter((name) => name !== other) });
    const past: Record<string, Feed> = {};
    for (let layer = 0; layer < this.#model.numLayers; layer++) {
      const [before, after] = [cacheNames(layer, "past"), cacheNames(layer, "present")];
      past[before.key] = outputs[after.key]!;
      past[before.value] = outputs[after.value]!;
    }
    dispose(sequence);
    sequence.past = past;
    sequence.length += ids.length;
    // The sequence may have been released while the run was under way.
    if (!this.#sequences.has(sequence)) dispose(sequence);
    return [(outputs[wanted] as Tensor<"float32">).data];
  }

  /** Frees all sequences. */
  [Symbol.dispose](): void {
    for (const sequence of [...this.#sequences]) this.release(sequence);
  }
}

function dispose({ past }: DeviceSequence): void {
  for (const feed of Object.values(past)) {
    if ("location" in feed) (feed as DeviceTensor).dispose();
  }
}
