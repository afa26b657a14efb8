/**
 * How fast a service answers: tokens/s of one and of several texts made at once, the time to the first token of a prompt
 * of 512 tokens, and of a second prompt that shares its first 400. Rounds of all measurements alternate, so that changes
 * of the machine's speed hit all alike; medians are printed.
 *
 * usage: serving_bench.ts [--devices native,wasm] [--weights auto] [--streams 16] [--tokens 64] [--rounds 3] [--threads 2]
 *   [--speculate 0] [--model <folder>]
 *
 * Without --model: the 15.2 M preset with random weights, which `auto` leaves in float32.
 */

import { parseArgs } from "node:util";
import { initialWeights } from "../../src/core/training/initialize.ts";
import type { Device } from "../../src/engine/runtime/session.ts";
import { loadModel } from "../../src/inference/generation/load_model.ts";
import type { LoadedModel } from "../../src/inference/generation/loaded_model.ts";
import { openModelDecoder } from "../../src/inference/generation/model_decoder.ts";
import { chooseWeights, type WeightWish } from "../../src/inference/generation/weight_types.ts";
import { createLocalService } from "../../src/inference/local_service.ts";
import type { InferenceService } from "../../src/inference/service.ts";
import { createModel } from "../../src/models/architectures.ts";
import { countParameters } from "../../src/models/language_model.ts";
import { findPreset } from "../../src/models/presets.ts";
import { printLine } from "./print_line.ts";

const { values } = parseArgs({
  options: {
    devices: { type: "string", default: "native,wasm" },
    weights: { type: "string", default: "auto" },
    streams: { type: "string", default: "16" },
    tokens: { type: "string", default: "64" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
    speculate: { type: "string", default: "0" },
    model: { type: "string" },
  },
});

const streams = Number(values.streams);
const tokens = Number(values.tokens);
const threads = Number(values.threads);
const weights = values.weights as WeightWish;

async function open(device: Device): Promise<LoadedModel> {
  if (values.model !== undefined) {
    return await loadModel(values.model, { device, threads, weights });
  }
  const model = createModel(findPreset("15m")!.config);
  const weightType = chooseWeights(weights, { device, parameters: countParameters(model) });
  const decoder = await openModelDecoder(model, {
    device,
    threads,
    weightType,
    weights: new Map([...initialWeights(model, 0)].map(({ name, tensor }) => [name, tensor])),
  });
  return {
    id: "15m",
    folder: "",
    device,
    deviceReason: "",
    weightType,
    decoder,
    tokenizer: undefined,
    eosTokenIds: [],
    generationConfig: {},
    [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose](),
  };
}

/** Ids of a text that no other number has, not even its beginning. */
function prompt(length: number, number: number): number[] {
  return Array.from({ length }, (_, i) => 3 + (number * 7919 + i * (31 + number % 17)) % 2000);
}

/** Makes a text and returns when its first token came and when it ended. */
async function answer(
  service: InferenceService,
  { ids, maxTokens }: { readonly ids: readonly number[]; readonly maxTokens: number },
): Promise<{ readonly first: number; readonly end: number }> {
  const { events } = await service.submit({
    prompts: [{ kind: "ids", ids }],
    maxTokens,
    ignoreEos: true,
    sampling: { temperature: 0 },
  });
  let first: number | undefined;
  for await (const event of events) {
    if (event.type === "output") first ??= performance.now();
  }
  return { first: first!, end: performance.now() };
}

/** Tokens/s of all texts together, from the first request to the last token. */
async function rate(service: InferenceService, count: number, seed: number): Promise<number> {
  const started = performance.now();
  const all = Array.from(
    { length: count },
    (_, i) => answer(service, { ids: prompt(32, seed + i), maxTokens: tokens }),
  );
  const ended = Math.max(...(await Promise.all(all)).map(({ end }) => end));
  return count * tokens * 1000 / (ended - started);
}

async function firstToken(service: InferenceService, ids: readonly number[]): Promise<number> {
  const started = performance.now();
  return (await answer(service, { ids, maxTokens: 1 })).first - started;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

printLine(
  `| device | weights | 1 text, tokens/s | ${streams} texts | ratio | first of 512, ms | sharing 400, ms | ratio |`,
);
printLine("|---|---|---:|---:|---:|---:|---:|---:|");
for (const device of values.devices.split(",") as Device[]) {
  const model = await open(device);
  await using service = createLocalService(model, {
    maxRunning: streams,
    maxDrafts: Number(values.speculate),
  });
  await rate(service, streams, 0);
  const one: number[] = [];
  const many: number[] = [];
  const first: number[] = [];
  const shared: number[] = [];
  for (let round = 1; round <= Number(values.rounds); round++) {
    one.push(await rate(service, 1, 1000 * round));
    many.push(await rate(service, streams, 1000 * round + 100));
    const ids = prompt(512, 1000 * round + 500);
    first.push(await firstToken(service, ids));
    shared.push(await firstToken(service, [...ids.slice(0, 400), ...prompt(12, round)]));
  }
  const cells = [
    device,
    model.weightType,
    median(one).toFixed(0),
    median(many).toFixed(0),
    (median(many) / median(one)).toFixed(2),
    median(first).toFixed(0),
    median(shared).toFixed(0),
    (median(shared) / median(first)).toFixed(2),
  ];
  printLine(`| ${cells.join(" | ")} |`);
}
