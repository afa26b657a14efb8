/**
 * How fast models decode one sequence: tokens/s at the beginning and late in a sequence, beside what reading every
 * weight once per token allows.
 *
 * usage: decode_bench.ts [--devices native,wasm] [--tokens 60] [--threads 2] [--model <folder> ...]
 *
 * Without --model: the 15.2 M preset with random weights.
 */

import { parseArgs } from "node:util";
import { basename } from "node:path";
import { initialWeights } from "../../src/core/training/initialize.ts";
import type { Device } from "../../src/engine/runtime/session.ts";
import type { Tensor } from "../../src/engine/tensor/tensor.ts";
import type { Decoder } from "../../src/inference/generation/decoder.ts";
import { openModelDecoder } from "../../src/inference/generation/model_decoder.ts";
import { createModel } from "../../src/models/architectures.ts";
import { openModelFolder } from "../../src/models/hub/folder.ts";
import { countParameters, type LanguageModel } from "../../src/models/language_model.ts";
import { findPreset } from "../../src/models/presets.ts";
import { readWeights } from "../../src/models/weights.ts";

interface Contender {
  readonly name: string;
  readonly model: LanguageModel;
  readonly weights: ReadonlyMap<string, Tensor>;
}

const { values } = parseArgs({
  options: {
    devices: { type: "string", default: "native,wasm" },
    tokens: { type: "string", default: "60" },
    threads: { type: "string", default: "2" },
    model: { type: "string", multiple: true, default: [] },
  },
});

/** Tokens that the two sequences hold when the timing begins. */
const EARLY = 10;
const LATE = 400;

async function contenders(): Promise<Contender[]> {
  const preset = createModel(findPreset("15m")!.config);
  const all: Contender[] = [{
    name: "15m (random weights)",
    model: preset,
    weights: new Map([...initialWeights(preset, 0)].map(({ name, tensor }) => [name, tensor])),
  }];
  for (const path of values.model) {
    using folder = await openModelFolder(path);
    const model = createModel(folder.config);
    const weights = new Map<string, Tensor>();
    for await (const { name, tensor } of readWeights(model, folder)) weights.set(name, tensor);
    all.push({ name: basename(path), model, weights });
  }
  return all;
}

/** Times of tokens early and late in a sequence, in milliseconds. */
interface DecodeTimes {
  readonly early: number[];
  readonly late: number[];
}

/**
 * Decodes two sequences in turn, one from token 10 on and one from token 400 on, so that changes of the machine's speed
 * hit both alike. Each has a decoder of its own, as a cache is as large as its longest sequence.
 */
async function decode({ model, weights }: Contender, device: Device): Promise<DecodeTimes> {
  const threads = Number(values.threads);
  await using first = await openModelDecoder(model, { device, threads, weights });
  await using second = await openModelDecoder(model, { device, threads, weights });
  const start = async (decoder: Decoder, length: number): Promise<() => Promise<number>> => {
    const sequence = decoder.open();
    const ids = Array.from({ length }, (_, i) => 3 + i % 200);
    await decoder.extend([{ sequence, ids }]);
    return async () => {
      const started = performance.now();
      await decoder.extend([{ sequence, ids: [5] }]);
      return performance.now() - started;
    };
  };
  const [earlyToken, lateToken] = [await start(first, EARLY), await start(second, LATE)];
  const times: DecodeTimes = { early: [], late: [] };
  for (let token = 0; token < Number(values.tokens); token++) {
    times.early.push(await earlyToken());
    times.late.push(await lateToken());
  }
  return times;
}

/** Bytes per second at which this thread and the machine's caches read a large array. */
function readBandwidth(): number {
  const array = new Float64Array(2 ** 26).fill(1);
  let best = Infinity;
  let sum = 0;
  for (let round = 0; round < 3; round++) {
    const started = performance.now();
    for (let i = 0; i < array.length; i += 8) sum += array[i]!; // one element of each cache line
    best = Math.min(best, performance.now() - started);
  }
  return sum > 0 ? array.byteLength / best * 1000 : 0;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const bandwidth = readBandwidth();
print(`memory: ${(bandwidth / 1e9).toFixed(1)} GB/s read by one thread`);
print("| model | device | tokens/s | bound, tokens/s | token 10, ms | token 400, ms | ratio |");
print("|---|---|---:|---:|---:|---:|---:|");
for (const contender of await contenders()) {
  for (const device of values.devices.split(",") as Device[]) {
    const times = await decode(contender, device);
    const [early, late] = [median(times.early), median(times.late)];
    const rate = 1000 / early;
    const bound = bandwidth / (4 * countParameters(contender.model));
    const cells = [
      contender.name,
      device,
      rate.toFixed(0),
      bound.toFixed(0),
      early.toFixed(2),
      late.toFixed(2),
      (late / early).toFixed(2),
    ];
    print(`| ${cells.join(" | ")} |`);
  }
}
