/**
 * Keys and values in a GPU's memory: each run reads those of the run before it and leaves longer ones there.
 *
 * @module
 */

import type { DeviceTensor, Feed, Session } from "../../engine/runtime/session.ts";
import { type Tensor, zeros } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { cacheNames } from "./decoder_graph.ts";
import type { CacheRow, SequenceCache } from "./model_decoder.ts";
import { logitsByRow, runFeeds, type RunKind, runKinds, wantedRows } from "./run_feeds.ts";

/** One sequence: its tokens so far, and its keys and values by the name under which the next run reads them. */
interface DeviceSequence {
  readonly length: number;
  readonly past: Readonly<Record<string, Feed>>;
}

/** An empty sequence has one place that is never looked at, since a GPU has no tensors without elements. */
const UNUSED_PLACES = 1;

/** Runs a model whose cache stays on the device. */
export class DeviceCache implements SequenceCache {
  readonly batches = false;
  readonly #model: LanguageModel;
  readonly #session: Session;
  readonly #kinds: readonly RunKind[];
  readonly #sequences = new Map<number, DeviceSequence>();
  #taken = 0;

  /** Opens a cache over a session of the graph for device memory. */
  constructor(model: LanguageModel, session: Session) {
    this.#model = model;
    this.#session = session;
    this.#kinds = runKinds(model);
  }

  /** See {@linkcode SequenceCache.take}. */
  take(): number {
    const { numLayers, numKeyValueHeads, headDim } = this.#model;
    const empty = zeros("float32", [1, numKeyValueHeads, UNUSED_PLACES, headDim]);
    const past: Record<string, Feed> = {};
    for (let layer = 0; layer < numLayers; layer++) {
      const names = cacheNames(layer, "past");
      past[names.key] = empty;
      past[names.value] = empty;
    }
    this.#sequences.set(this.#taken, { length: 0, past });
    return this.#taken++;
  }

  /** See {@linkcode SequenceCache.release}. */
  release(slot: number): void {
    const sequence = this.#sequences.get(slot);
    this.#sequences.delete(slot);
    if (sequence !== undefined) dispose(sequence);
  }

  /** See {@linkcode SequenceCache.lengthOf}. */
  lengthOf(slot: number): number {
    return this.#sequences.get(slot)?.length ?? 0;
  }

  /** See {@linkcode SequenceCache.run}. */
  async run(rows: readonly CacheRow[], everyPosition: boolean): Promise<Float32Array[]> {
    const [row] = rows;
    const sequence = row && this.#sequences.get(row.slot);
    if (row === undefined || sequence === undefined || rows.length !== 1) {
      throw new Error("Internal: a run on the device reads one open sequence");
    }
    const { slot, ids } = row;
    const pastLength = UNUSED_PLACES + sequence.length;
    const outputs = await this.#session.run({
      ...runFeeds(
        [{ ids, position: sequence.length, past: { from: UNUSED_PLACES, to: pastLength } }],
        {
          pastLength,
          kinds: this.#kinds,
          wanted: wantedRows([0], { seqLen: ids.length, everyPosition }),
          inputNames: this.#session.inputNames,
        },
      ),
      ...sequence.past,
    });
    const past: Record<string, Feed> = {};
    for (let layer = 0; layer < this.#model.numLayers; layer++) {
      const [before, after] = [cacheNames(layer, "past"), cacheNames(layer, "present")];
      past[before.key] = outputs[after.key]!;
      past[before.value] = outputs[after.value]!;
    }
    const extended = { length: sequence.length + ids.length, past };
    dispose(sequence);
    // The sequence may have been released while the run was under way.
    if (this.#sequences.has(slot)) this.#sequences.set(slot, extended);
    else dispose(extended);
    return logitsByRow(outputs["logits"] as Tensor<"float32">, 1);
  }

  /** Frees all sequences. */
  [Symbol.dispose](): void {
    for (const slot of [...this.#sequences.keys()]) this.release(slot);
  }
}

function dispose({ past }: DeviceSequence): void {
  for (const feed of Object.values(past)) {
    if ("location" in feed) (feed as DeviceTensor).dispose();
  }
}
