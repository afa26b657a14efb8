/**
 * How fast models decode one sequence: tokens/s at the beginning and late in a sequence, beside what reading every
 * weight once per token allows.
 *
 * usage: decode_bench.ts [--devices native,wasm] [--tokens 410] [--threads 2] [--model <folder> ...]
 *
 * Without --model: the 15.2 M preset with random weights.
 */

import { parseArgs } from "node:util";
import { basename } from "node:path";
import { initialWeights } from "../../src/core/training/initialize.ts";
import type { Device } from "../../src/engine/runtime/session.ts";
import type { Tensor } from "../../src/engine/tensor/tensor.ts";
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
    tokens: { type: "string", default: "410" },
    threads: { type: "string", default: "2" },
    model: { type: "string", multiple: true, default: [] },
  },
});

/** Positions around which times are taken, and how many tokens on either side. */
const EARLY = 10;
const LATE = 400;
const SPAN = 8;

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

/** Returns the time of each token, in milliseconds. */
async function decode({ model, weights }: Contender, device: Device): Promise<number[]> {
  const threads = Number(values.threads);
  await using decoder = await openModelDecoder(model, { device, threads, weights });
  using sequence = decoder.open();
  await decoder.extend([{ sequence, ids: [1] }]);
  const times: number[] = [];
  const count = Math.min(Number(values.tokens), decoder.maxPositions - 1);
  for (let token = 0; token < count; token++) {
    const started = performance.now();
    await decoder.extend([{ sequence, ids: [3 + token % 200] }]);
    times.push(performance.now() - started);
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

function medianAround(times: readonly number[], position: number): number {
  const near = times.slice(Math.max(0, position - SPAN), position + SPAN);
  return near.toSorted((a, b) => a - b)[Math.floor(near.length / 2)]!;
}

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const bandwidth = readBandwidth();
print(`memory: ${(bandwidth / 1e9).toFixed(1)} GB/s read by one thread`);
print("| model | device | tokens/s | bound, tokens/s | token 10, ms | token 400, ms | ratio |");
print("|---|---|---:|---:|---:|---:|---:|");
for (const contender of await contenders()) {
  for (const device of values.devices.split(",") as Device[]) {
    const times = await decode(contender, device);
    const [early, late] = [medianAround(times, EARLY), medianAround(times, LATE)];
    const rate = 1000 / times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
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
