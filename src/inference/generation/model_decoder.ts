/**
 * A decoder over a compiled model: it cuts long prompts into pieces, runs sequences side by side where the cache allows,
 * and leaves keys and values to it.
 *
 * @module
 */

import { exportGraph } from "../../engine/graph/export.ts";
import { fuseSkipNorms } from "../../engine/onnx/fuse_skip_norms.ts";
import { encodeModel } from "../../engine/onnx/model.ts";
import { openSession } from "../../engine/runtime/open_session.ts";
import type { Device, Session } from "../../engine/runtime/session.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import type { LoadedAdapter } from "./adapter_bank.ts";
import type {
  Decoder,
  DecoderMemory,
  DecoderSequence,
  ExtendOptions,
  Extension,
  OpenSequenceOptions,
} from "./decoder.ts";
import { cacheNames, type CachePlace, cachePlace, decoderGraph } from "./decoder_graph.ts";
import { type NamedTensor, readDecoderWeights } from "./decoder_weights.ts";
import { DeviceCache } from "./device_cache.ts";
import { HostCache } from "./host_cache.ts";
import { InPlaceCache } from "./in_place_cache.ts";
import { pieceLength } from "./piece_length.ts";
import { CPU_RUN_TOKENS, groupRuns, PREFILL_TOKENS } from "./run_groups.ts";
import type {
  CacheMemory,
  CacheOptions,
  CacheRow,
  CacheSequence,
  RunResult,
  SequenceCache,
} from "./sequence_cache.ts";
import type { WeightType } from "./weight_types.ts";

/** Options of {@linkcode openModelDecoder}. */
export interface ModelDecoderOptions {
  /** Where to run. */
  readonly device: Device;
  /** CPU threads. @default {as the device has it} */
  readonly threads?: number;
  /** Elements of each weight. */
  readonly weights: ReadonlyMap<string, Tensor> | AsyncIterable<NamedTensor>;
  /** The form in which matrices are held. @default {"f32"} */
  readonly weightType?: WeightType;
  /** Adapters of which each sequence may use one. @default {[]} */
  readonly adapters?: readonly LoadedAdapter[];
}

/** Compiles `model` for extending sequences. */
export async function openModelDecoder(
  model: LanguageModel,
  { device, threads, weights, weightType = "f32", adapters = [] }: ModelDecoderOptions,
): Promise<Decoder> {
  const place = cachePlace(model, device);
  const decoderWeights = await readDecoderWeights(model, listed(weights), {
    type: weightType,
    device,
  });
  const session = await openSession(
    encodeModel(fuseSkipNorms(exportGraph(
      decoderGraph(model, {
        place,
        weights: decoderWeights,
        adapters,
      }),
      { target: device === "webgpu" ? "gpu" : "cpu" },
    ))),
    {
      device,
      ...(threads === undefined ? {} : { threads }),
      ...(place === "device" ? { keepOnDevice: presentNames(model) } : {}),
    },
  );
  const cache = CACHES[place](model, {
    session,
    adapters: adapters.length,
    weights: decoderWeights.feeds,
  });
  return new ModelDecoder(model, { session, cache, adapters: adapters.map(({ name }) => name) });
}

type OpenCache = (model: LanguageModel, options: CacheOptions) => SequenceCache;

const CACHES: Readonly<Record<CachePlace, OpenCache>> = {
  "in-place": (model, options) => new InPlaceCache(model, options),
  host: (model, options) => new HostCache(model, options),
  device: (model, options) => new DeviceCache(model, options),
};

function listed(
  weights: ModelDecoderOptions["weights"],
): AsyncIterable<NamedTensor> | Iterable<NamedTensor> {
  if (!(weights instanceof Map)) return weights as AsyncIterable<NamedTensor>;
  return [...weights].map(([name, tensor]) => ({ name, tensor }));
}

function presentNames({ numLayers }: LanguageModel): string[] {
  return Array.from({ length: numLayers }, (_, layer) => {
    const { key, value } = cacheNames(layer, "present");
    return [key, value];
  }).flat();
}

class Sequence implements DecoderSequence {
  readonly inner: CacheSequence;
  readonly adapter: number;
  readonly #cache: SequenceCache;
  #open = true;

  constructor(cache: SequenceCache, adapter: number) {
    this.#cache = cache;
    this.adapter = adapter;
    this.inner = cache.open();
  }

  get length(): number {
    return this.#open ? this.inner.length : 0;
  }

  [Symbol.dispose](): void {
    if (this.#open) this.#cache.release(this.inner);
    this.#open = false;
  }
}

class ModelDecoder implements Decoder {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly maxPositions: number;
  readonly adapters: readonly string[];
  readonly memory: DecoderMemory | undefined;
  readonly #session: Session;
  readonly #cache: SequenceCache;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    model: LanguageModel,
    { session, cache, adapters }: {
      readonly session: Session;
      readonly cache: SequenceCache;
      readonly adapters: readonly string[];
    },
  ) {
    this.vocabSize = model.vocabSize;
    this.hiddenSize = model.hiddenSize;
    this.maxPositions = model.maxPositions;
    this.adapters = adapters;
    this.memory = cache.memory && decoderMemory(cache.memory);
    this.#session = session;
    this.#cache = cache;
  }

  open({ adapter }: OpenSequenceOptions = {}): DecoderSequence {
    const number = adapter === undefined ? -1 : this.adapters.indexOf(adapter);
    if (adapter !== undefined && number < 0) {
      throw new RangeError(`Cannot open a sequence: there is no adapter "${adapter}"`);
    }
    return new Sequence(this.#cache, number);
  }

  async extend(
    extensions: readonly Extension[],
    options: ExtendOptions = {},
  ): Promise<Float32Array[]> {
    const { everyPosition = false, hidden = false } = options;
    const result = hidden ? "hidden" : everyPosition ? "all-logits" : "last-logits";
    for (const extension of extensions) this.#check(extension);
    const run = this.#last.then(() => this.#extend(extensions, result));
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
    result: RunResult,
  ): Promise<Float32Array[]> {
    const rows = extensions.map(rowOf);
    const groups = groupRuns(rows, {
      canRun: (some) => this.#cache.canRun(some),
      maxTokens: this.#runTokens,
    });
    const results = new Map<CacheRow, Float32Array>();
    for (const [i, group] of groups.entries()) {
      const made = group.length === 1
        ? [await this.#read(group[0]!, result)]
        : await this.#cache.run(group, result);
      // Of all but the last run the results have to outlast the next.
      const last = i === groups.length - 1;
      for (const [at, row] of group.entries()) {
        results.set(row, last ? made[at]! : made[at]!.slice());
      }
    }
    return rows.map((row) => results.get(row)!);
  }

  /** Reads one sequence's tokens, piece by piece. */
  async #read(row: CacheRow, result: RunResult): Promise<Float32Array> {
    const { ids } = row;
    if (ids.length <= this.#runTokens) return (await this.#cache.run([row], result))[0]!;
    const isWhole = result !== "last-logits";
    const width = result === "hidden" ? this.hiddenSize : this.vocabSize;
    const joined = new Float32Array(isWhole ? ids.length * width : 0);
    for (let start = 0;;) {
      const end = start + pieceLength(ids.length - start, this.#runTokens);
      const [made] = await this.#cache.run([{ ...row, ids: ids.slice(start, end) }], result);
      if (isWhole) joined.set(made!, start * width);
      if (end >= ids.length) return isWhole ? joined : made!;
      start = end;
    }
  }

  /** The most tokens of prompts in a run. */
  get #runTokens(): number {
    return this.memory === undefined ? PREFILL_TOKENS : CPU_RUN_TOKENS;
  }
}

function rowOf({ sequence, ids }: Extension): CacheRow {
  const { inner, adapter } = ours(sequence);
  return { sequence: inner, ids, adapter };
}

function ours(sequence: DecoderSequence): Sequence {
  if (sequence instanceof Sequence) return sequence;
  throw new TypeError("Cannot extend a sequence that another decoder opened");
}

function decoderMemory(memory: CacheMemory): DecoderMemory {
  return {
    bytesPerToken: memory.bytesPerToken,
    mostBytes: memory.mostBytes,
    get bytes() {
      return memory.bytes;
    },
    limit: (bytes) => memory.limit(bytes),
    compact: (sequences) => memory.compact(sequences),
    bytesWith: (options) => memory.bytesWith(options),
    truncate: (sequence, length) => memory.truncate(ours(sequence).inner, length),
    read: (sequence, range) => memory.read(ours(sequence).inner, range),
    append: (sequence, block) => memory.append(ours(sequence).inner, block),
  };
}
