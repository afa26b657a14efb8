/**
 * Keys and values in host memory, for CPUs: runs read them in place and give out only those of new tokens.
 *
 * @module
 */

import type { Session } from "../../engine/runtime/session.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { FRESH } from "./decoder_graph.ts";
import { KvCache } from "./kv_cache.ts";
import type { CacheRow, SequenceCache } from "./model_decoder.ts";
import {
  logitsByRow,
  runFeeds,
  type RunKind,
  runKinds,
  type RunRow,
  wantedRows,
} from "./run_feeds.ts";

/** Runs a model whose cache is in host memory. */
export class HostCache implements SequenceCache {
  readonly batches = true;
  readonly #session: Session;
  readonly #kinds: readonly RunKind[];
  readonly #cache: KvCache;

  /** Opens a cache over a session of the graph for host memory. */
  constructor(model: LanguageModel, session: Session) {
    this.#session = session;
    this.#kinds = runKinds(model);
    this.#cache = new KvCache(model);
  }

  /** See {@linkcode SequenceCache.take}. */
  take(): number {
    return this.#cache.take();
  }

  /** See {@linkcode SequenceCache.release}. */
  release(slot: number): void {
    this.#cache.release(slot);
  }

  /** See {@linkcode SequenceCache.lengthOf}. */
  lengthOf(slot: number): number {
    return this.#cache.lengthOf(slot);
  }

  /** See {@linkcode SequenceCache.run}. */
  async run(rows: readonly CacheRow[], everyPosition: boolean): Promise<Float32Array[]> {
    const slots = rows.map(({ slot }) => slot);
    const from = Math.min(...slots);
    const count = Math.max(...slots) - from + 1;
    const seqLen = rows[0]!.ids.length;
    for (const { slot } of rows) this.#cache.reserve(this.#cache.lengthOf(slot) + seqLen);

    // Slots between those that run take part as rows of padding.
    const idle: RunRow = { ids: new Uint8Array(seqLen), position: 0, past: { from: 0, to: 0 } };
    const runRows = new Array<RunRow>(count).fill(idle);
    for (const { slot, ids } of rows) {
      const length = this.#cache.lengthOf(slot);
      runRows[slot - from] = { ids, position: length, past: { from: 0, to: length } };
    }
    const wanted = wantedRows(slots.map((slot) => slot - from), { seqLen, everyPosition });
    const outputs = await this.#session.run({
      ...runFeeds(runRows, {
        pastLength: this.#cache.capacity,
        kinds: this.#kinds,
        wanted,
        inputNames: this.#session.inputNames,
      }),
      ...this.#cache.feeds({ from, count }),
    });
    const fresh = (outputs[FRESH] as Tensor<"float32">).data;
    const size = fresh.length / count;
    for (const { slot } of rows) {
      this.#cache.append(slot, fresh.subarray((slot - from) * size, (slot - from + 1) * size));
    }
    return logitsByRow(outputs["logits"] as Tensor<"float32">, rows.length);
  }

  /** Nothing to free: host memory is collected. */
  [Symbol.dispose](): void {}
}
