import assert from "node:assert/strict";
import { join } from "node:path";
import { train } from "../../src/core/train.ts";
import { TRAINING_DEFAULTS, type TrainingConfig } from "../../src/core/training/config.ts";
import type { OptimizerName } from "../../src/core/training/optimizers/optimizer.ts";
import { createRandom } from "../../src/utils/random.ts";
import { AVAILABLE_DEVICES } from "../available_devices.ts";
import { newestOptimizer, newestWeights, readMetrics } from "../e2e/checkpoints.ts";
import { VOCABULARY, writeTinyModel } from "../e2e/tiny_model.ts";
import { temporaryFolder } from "../temporary_folder.ts";

/** How often each kind of run is stopped at a random step; 20 in all is what was shown once. */
const STOPS = Number(Deno.env.get("LLM_TRAINING_RESUME_STOPS") ?? 1);

const STEPS = 17;

/** Rows of so many lengths that orders by length and packing matter. */
async function writeRows(path: string, count = 60): Promise<string> {
  const random = createRandom(23);
  const rows = Array.from({ length: count }, () => {
    const ids = Array.from({ length: 4 + random.integer(28) }, () => random.integer(VOCABULARY));
    return JSON.stringify({ input_ids: ids, labels: ids.map((id, i) => i < 2 ? -100 : id) });
  });
  await Deno.writeTextFile(path, `${rows.join("\n")}\n`);
  return path;
}

interface Kind {
  readonly optimizer: OptimizerName;
  readonly packing: boolean;
  readonly groupByLength: boolean;
}

/** Each optimizer with packing and orders by length, in one combination or another. */
const KINDS: readonly Kind[] = [
  { optimizer: "adamw", packing: true, groupByLength: false },
  { optimizer: "muon", packing: true, groupByLength: true },
  { optimizer: "adafactor", packing: false, groupByLength: true },
  { optimizer: "lion", packing: true, groupByLength: false },
  { optimizer: "sgd", packing: false, groupByLength: true },
];

async function settings(folder: string): Promise<TrainingConfig> {
  return {
    ...TRAINING_DEFAULTS,
    dataset: await writeRows(join(folder, "data.jsonl")),
    model: await writeTinyModel(join(folder, "model")),
    device: "wasm",
    threads: 2,
    batchSize: 2,
    gradientAccumulationSteps: 2,
    maxLength: 40,
    learningRate: 3e-3,
    maxSteps: STEPS,
  };
}

/** Trains until the end, or until `stop` steps are done. */
async function run(
  config: TrainingConfig,
  { output, resume = false, stop = Infinity }: {
    readonly output: string;
    readonly resume?: boolean;
    readonly stop?: number;
  },
): Promise<number> {
  const controller = new AbortController();
  const { step } = await train({
    ...{ config, output, resume },
    signal: controller.signal,
    onEvent: (event) => {
      if (event.kind === "step" && event.metrics.step === stop) controller.abort();
    },
  });
  return step;
}

const random = createRandom(Date.now() % 2 ** 31);

for (const kind of KINDS) {
  const { optimizer, packing, groupByLength } = kind;
  const how = [packing && "packed rows", groupByLength && "rows by length"].filter((it) => it);
  Deno.test({
    name: `train() goes on within an epoch to the bit: ${optimizer}, ${how.join(" and ")}`,
    ignore: !AVAILABLE_DEVICES.includes("wasm"),
    fn: async () => {
      await using folder = await temporaryFolder();
      const config = { ...await settings(folder.path), ...kind };
      const alone = join(folder.path, "alone");
      await run(config, { output: alone });
      for (let attempt = 0; attempt < STOPS; attempt++) {
        const output = join(folder.path, `run-${attempt}`);
        const stop = 1 + random.integer(STEPS - 1);
        assert.equal(await run(config, { output, stop }), stop);
        assert.equal(await run(config, { output, resume: true }), STEPS);
        const name = `stopped after step ${stop}`;
        assert.deepEqual(await newestWeights(output), await newestWeights(alone), name);
        assert.deepEqual(await newestOptimizer(output), await newestOptimizer(alone), name);
        assert.deepEqual(await readMetrics(output), await readMetrics(alone), name);
      }
    },
  });
}

Deno.test("train() does not go on within an epoch with other data, nor with settings that decide about its rows", async () => {
  await using folder = await temporaryFolder();
  const config = { ...await settings(folder.path), device: AVAILABLE_DEVICES[0]! };
  const output = join(folder.path, "run");
  await run(config, { output, stop: 3 });
  const refused = async (changes: Partial<TrainingConfig>, message: RegExp) => {
    const other = { ...config, ...changes };
    await assert.rejects(run(other, { output, resume: true }), { name: "UserError", message });
  };
  const changes: [Partial<TrainingConfig>, string][] = [
    [{ packing: true }, "--packing"],
    [{ groupByLength: true }, "--group-by-length"],
    [{ maxLength: 20 }, "--max-length"],
    [{ truncation: "start" }, "--truncation"],
    [{ shuffle: false }, "--no-shuffle"],
    [{ seed: 1 }, "--seed"],
    [{ evalSplit: 0.1 }, "--eval-split"],
  ];
  for (const [change, flag] of changes) {
    await refused(change, new RegExp(`^Cannot resume from ".*" with another ${flag}: .*epoch`));
  }
  const { dataset } = config;
  await writeRows(dataset, 61);
  await refused(
    {},
    /^Cannot resume from ".*": ".*data\.jsonl" has changed since, so that rows would/,
  );
  await writeRows(dataset);
  assert.equal(await run(config, { output, resume: true, stop: 4 }), 4);
});
