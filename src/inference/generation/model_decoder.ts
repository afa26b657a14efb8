/**
 * A decoder over a compiled model: it cuts long prompts into pieces, runs sequences that read one token side by side,
 * and leaves keys and values to a cache.
 *
 * @module
 */

import { exportGraph } from "../../engine/graph/export.ts";
import { encodeModel } from "../../engine/onnx/model.ts";
import { openSession } from "../../engine/runtime/open_session.ts";
import type { Device, Session } from "../../engine/runtime/session.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import type { Decoder, DecoderSequence, ExtendOptions, Extension } from "./decoder.ts";
import { cacheNames, type CachePlace, decoderGraph } from "./decoder_graph.ts";
import { DeviceCache } from "./device_cache.ts";
import { HostCache } from "./host_cache.ts";

/** The most tokens of a prompt that are read at once; the scores of all of them are in memory together. */
const PREFILL_TOKENS = 512;

/** Tokens for one sequence of a cache. */
export interface CacheRow {
  /** Number of the sequence. */
  readonly slot: number;
  /** Tokens to read. */
  readonly ids: readonly number[];
}

/** Runs a compiled model and remembers the keys and values of each sequence. */
export interface SequenceCache extends Disposable {
  /** Whether a run can read several sequences. */
  readonly batches: boolean;
  /** Opens an empty sequence and returns its number. */
  take(): number;
  /** Forgets a sequence. */
  release(slot: number): void;
  /** Returns the number of tokens of a sequence. */
  lengthOf(slot: number): number;
  /**
   * Reads tokens, equally many for each row.
   *
   * @returns Logits of every token of each row if `everyPosition`, else of its last: one array per row.
   */
  run(rows: readonly CacheRow[], everyPosition: boolean): Promise<Float32Array[]>;
}

/** Options of {@linkcode openModelDecoder}. */
export interface ModelDecoderOptions {
  /** Where to run. */
  readonly device: Device;
  /** CPU threads. */
  readonly threads?: number;
  /** Elements of each weight. */
  readonly weights: ReadonlyMap<string, Tensor>;
}

/** Compiles `model` for extending sequences. */
export async function openModelDecoder(
  model: LanguageModel,
  { device, threads, weights }: ModelDecoderOptions,
): Promise<Decoder> {
  const place: CachePlace = device === "webgpu" ? "device" : "host";
  const keepOnDevice = Array.from({ length: model.numLayers }, (_, layer) => {
    const { key, value } = cacheNames(layer, "present");
    return [key, value];
  }).flat();
  const graph = exportGraph(decoderGraph(model, { place, weights }), {
    target: device === "webgpu" ? "gpu" : "cpu",
  });
  const session = await openSession(encodeModel(graph), {
    device,
    ...(threads === undefined ? {} : { threads }),
    ...(place === "device" ? { keepOnDevice } : {}),
  });
  const cache = place === "device"
    ? new DeviceCache(model, session)
    : new HostCache(model, session);
  return new ModelDecoder(model, { session, cache });
}

class Sequence implements DecoderSequence {
  readonly slot: number;
  readonly #cache: SequenceCache;
  #open = true;

  constructor(cache: SequenceCache) {
    this.#cache = cache;
    this.slot = cache.take();
  }

  get length(): number {
    return this.#open ? this.#cache.lengthOf(this.slot) : 0;
  }

  [Symbol.dispose](): void {
    if (this.#open) this.#cache.release(this.slot);
    this.#open = false;
  }
}

class ModelDecoder implements Decoder {
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly #session: Session;
  readonly #cache: SequenceCache;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    model: LanguageModel,
    { session, cache }: { readonly session: Session; readonly cache: SequenceCache },
  ) {
    this.vocabSize = model.vocabSize;
    this.maxPositions = model.maxPositions;
    this.#session = session;
    this.#cache = cache;
  }

  open(): DecoderSequence {
    return new Sequence(this.#cache);
  }

  async extend(
    extensions: readonly Extension[],
    options: ExtendOptions = {},
  ): Promise<Float32Array[]> {
    const { everyPosition = false } = options;
    for (const extension of extensions) this.#check(extension);
    const run = this.#last.then(() => this.#extend(extensions, everyPosition));
    this.#last = run.catch(() => {});
    return await run;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.#cache[Symbol.dispose]();
    await this.#session[Symbol.asyncDispose]();
  }

  #check({ sequence, ids }: Extension): void {
    const wrong = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < this.vocabSize));
    if (wrong !== undefined) {
      throw new RangeError(
        `Cannot read token ${wrong}: the vocabulary has ids from 0 to ${this.vocabSize - 1}`,
      );
    }
    if (ids.length === 0) throw new RangeError("Cannot extend a sequence by no tokens");
    const length = sequence.length + ids.length;
    if (length > this.maxPositions) {
      throw new RangeError(
        `Cannot extend a sequence to ${length} tokens: the model has ${this.maxPositions} positions`,
      );
    }
  }

  async #extend(
    extensions: readonly Extension[],
    everyPosition: boolean,
  ): Promise<Float32Array[]> {
    const results = new Map<Extension, Float32Array>();
    const together = this.#cache.batches ? extensions.filter(({ ids }) => ids.length === 1) : [];
    if (together.length > 0) {
      const logits = await this.#cache.run(together.map(rowOf), everyPosition);
      for (const [i, extension] of together.entries()) results.set(extension, logits[i]!);
    }
    for (const extension of extensions) {
      if (!results.has(extension)) {
        results.set(extension, await this.#read(rowOf(extension), everyPosition));
      }
    }
    return extensions.map((extension) => results.get(extension)!);
  }

  /** Reads one sequence's tokens, piece by piece. */
  async #read({ slot, ids }: CacheRow, everyPosition: boolean): Promise<Float32Array> {
    const pieces: Float32Array[] = [];
    for (let start = 0; start < ids.length; start += PREFILL_TOKENS) {
      const piece = { slot, ids: ids.slice(start, start + PREFILL_TOKENS) };
      const [logits] = await this.#cache.run([piece], everyPosition);
      pieces.push(logits!);
    }
    if (!everyPosition) return pieces.at(-1)!;
    const joined = new Float32Array(ids.length * this.vocabSize);
    pieces.forEach((piece, i) => joined.set(piece, i * PREFILL_TOKENS * this.vocabSize));
    return joined;
  }
}

function rowOf({ sequence, ids }: Extension): CacheRow {
  if (!(sequence instanceof Sequence)) {
    throw new TypeError("Cannot extend a sequence that another decoder opened");
  }
  return { slot: sequence.slot, ids };
}
