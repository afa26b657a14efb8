import assert from "node:assert/strict";
import { join } from "node:path";
import { TRAINING_DEFAULTS, type TrainingConfig } from "../../../src/core/training/config.ts";
import { withMemoryAdvice } from "../../../src/core/training/memory_advice.ts";
import { memoryLimits } from "../../../src/core/training/memory_limits.ts";
import type { OptimizerConfig } from "../../../src/core/training/optimizers/optimizer.ts";
import {
  checkRun,
  planRun,
  type Preflight,
  type PreflightOptions,
  refuseWhatDoesNotFit,
} from "../../../src/core/training/preflight.ts";
import { prepareModel } from "../../../src/core/training/prepare.ts";
import { rehearseSaving } from "../../../src/core/training/rehearsal.ts";
import { createDataset } from "../../../src/datasets/dataset.ts";
import { packExamples } from "../../../src/datasets/packing.ts";
import type { Device } from "../../../src/engine/runtime/session.ts";
import { sessionError } from "../../../src/engine/runtime/session_error.ts";
import { UserError } from "../../../src/utils/errors.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const OPTIMIZER: OptimizerConfig = {
  kind: "adamw",
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
};

/** What is planned: a run of the preset `1m` on rows of some lengths. */
async function runOf(
  lengths: readonly number[],
  { host = Infinity, device = "native", gpuInHost = false, ...settings }:
    & Partial<TrainingConfig>
    & { readonly host?: number; readonly device?: Device; readonly gpuInHost?: boolean } = {},
): Promise<PreflightOptions> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "data.jsonl");
  const examples = lengths.map((length) => {
    const ids = Int32Array.from({ length }, (_, i) => 3 + i % 50);
    return { inputIds: ids, labels: ids };
  });
  const [{ inputIds, labels }] = examples as [typeof examples[0]];
  await Deno.writeTextFile(path, JSON.stringify({ input_ids: [...inputIds], labels: [...labels] }));
  const config: TrainingConfig = {
    ...TRAINING_DEFAULTS,
    dataset: path,
    model: "1m",
    batchSize: 8,
    ...settings,
  };
  const prepared = await prepareModel(config);
  const packing = config.packing
    ? packExamples(Int32Array.from(lengths), { maxLength: 512 })
    : undefined;
  const dataset = createDataset(examples, { path, maxLength: 512, packing });
  const limits = {
    host,
    wasmHeap: device === "wasm" ? 2 ** 32 : undefined,
    gpuTensor: device === "webgpu" ? 2 ** 27 : undefined,
    gpuInHost,
  };
  const datasets = [dataset];
  return { config, device, prepared, datasets, optimizer: OPTIMIZER, limits };
}

async function planned(...run: Parameters<typeof runOf>): Promise<Preflight> {
  return await checkRun(await runOf(...run));
}

Deno.test("planRun() computes layers one by one where one graph of the model would not fit", async () => {
  await planned([512]); // what planning itself takes of the process is then there
  const layered = await planned([512], { gradientCheckpointing: true });
  const whole = await planned([512]);
  const host = (layered.memory.total + whole.memory.total) / 2;
  const { config, preflight, changed } = await planRun(await runOf([512], { host }));
  assert.equal(config.gradientCheckpointing, true);
  assert.equal(preflight.problem, undefined);
  assert.match(changed ?? "", /needs .+ of memory, and .+ are available/);

  const fits = await planRun(await runOf([200]));
  assert.deepEqual([fits.config.gradientCheckpointing, fits.changed], [false, undefined]);
  const never = await planRun(await runOf([200], { host: 1e6 }));
  assert.equal(never.config.gradientCheckpointing, false);
  assert.notEqual(never.preflight.problem, undefined);
});

Deno.test("checkRun() plans for the longest padded row and counts the shapes", async () => {
  const { shape, shapes, problem, remedies, memory, trainedParameters } = await planned([5, 90, 7]);
  assert.deepEqual(shape, { batch: 8, seqLen: 96 });
  assert.equal(shapes, 1);
  const apart = await planned([...Array(40).fill(20), ...Array(8).fill(300), 500]);
  assert.deepEqual([apart.shape.seqLen, apart.shapes > 2, apart.shapes <= 5], [512, true, true]);
  assert.equal(problem, undefined);
  assert.deepEqual(remedies, []);
  const { weights, gradients, optimizer } = memory.parts;
  assert.equal(weights, 4 * trainedParameters);
  assert.equal(gradients, weights);
  assert.equal(optimizer, 2 * weights);
  assert.equal(memory.total, Object.values(memory.parts).reduce((sum, bytes) => sum + bytes, 0));
});

Deno.test("checkRun() has room for a second set of gradients where they are accumulated", async () => {
  const { memory: { parts } } = await planned([40], { gradientAccumulationSteps: 2 });
  assert.equal(parts.gradients, 2 * parts.weights);
});

Deno.test("checkRun() names changes that fit, each the smallest of its kind", async () => {
  const whole = await planned([200]);
  const { activations } = whole.memory.parts;
  const host = whole.memory.total - 0.6 * activations;
  const { problem, remedies } = await planned([200], { host });
  assert.match(problem ?? "", /needs .+ of memory, and .+ are available/);
  assert.ok(remedies.length >= 2);
  assert.equal(remedies[0]!.flags, "--batch-size 2 --gradient-accumulation-steps 4");
  for (const { total } of remedies) assert.ok(total <= host);
  assert.throws(
    () => refuseWhatDoesNotFit({ ...whole, problem, remedies }),
    (error: Error) => error instanceof UserError && /--batch-size 2/.test(error.message),
  );
});

Deno.test("checkRun() holds WebAssembly's heap and a GPU's largest tensor against their limits", async () => {
  const wasm = await planned(Array(64).fill(512), { device: "wasm", batchSize: 1024 });
  assert.match(wasm.problem ?? "", /WebAssembly's heap, which holds 4.29 GB/);
  assert.ok(wasm.remedies.length > 0);
  const gpu = await planned(Array(64).fill(512), { device: "webgpu", batchSize: 1024 });
  assert.match(gpu.problem ?? "", /this GPU reads at once/);
});

Deno.test("checkRun() counts a GPU's memory as the machine's only where the GPU is a program", async () => {
  const settings = { device: "webgpu", batchSize: 32 } as const;
  const { memory } = await planned([128], settings);
  assert.ok(memory.gpu > memory.parts.activations);
  const host = memory.host + 1e6;
  const real = await planned([128], { ...settings, host: 2 * host });
  assert.equal(real.problem, undefined);
  const program = await planned([128], {
    ...settings,
    host: host + memory.gpu / 2,
    gpuInHost: true,
  });
  assert.match(program.problem ?? "", /of memory/);
});

Deno.test("refuseWhatDoesNotFit() says so where nothing helps", async () => {
  const hopeless = await planned([16], { host: 1e6 });
  assert.deepEqual(hopeless.remedies, []);
  assert.throws(() => refuseWhatDoesNotFit(hopeless), /train a smaller model/);
});

Deno.test("memoryLimits() are what the machine has", async () => {
  const { host, wasmHeap } = await memoryLimits("wasm");
  assert.ok(host > 2 ** 28 && host <= Deno.systemMemoryInfo().total);
  assert.ok(wasmHeap! < 2 ** 32);
});

Deno.test("rehearseSaving() refuses a full disk and a folder that is not there, and leaves nothing", async () => {
  await using folder = await temporaryFolder();
  await rehearseSaving(folder.path, 1e6);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(folder.path)), []);
  await assert.rejects(rehearseSaving(folder.path, 1e18), /room for 2 is needed, but the disk has/);
  await assert.rejects(rehearseSaving(join(folder.path, "no"), 1e6), /no such file or folder/);
});

Deno.test("withMemoryAdvice() turns an allocation that failed in ONNX Runtime into flags", () => {
  const config = { ...TRAINING_DEFAULTS, dataset: "d", model: "m", batchSize: 8 };
  const failed = sessionError("run", "native", new Error("std::bad_alloc"));
  const told = withMemoryAdvice(failed, { config, checkpoint: "/run/checkpoint-4" }) as UserError;
  assert.ok(told instanceof UserError);
  assert.match(
    told.message,
    /out of memory.*--batch-size 4 --gradient-accumulation-steps 2.*--max-length.*checkpoint-4" was kept/,
  );
  const other = new Error("other");
  assert.equal(withMemoryAdvice(other, { config, checkpoint: undefined }), other);
});

Deno.test("checkRun() plans packed rows: of the length that they are filled to, with masks of their own", async () => {
  const lengths = Array.from({ length: 40 }, (_, i) => 100 + i);
  const apart = await planned(lengths);
  const packed = await planned(lengths, { packing: true });
  assert.deepEqual(apart.shape, { batch: 8, seqLen: 144 });
  assert.deepEqual(packed.shape, { batch: 8, seqLen: 512 });
  const long = await planned([500]);
  assert.deepEqual(long.shape, packed.shape);
  // a number for each pair of tokens of each row
  const masks = 4 * 8 * 512 * 512;
  const more = packed.memory.parts.copies - long.memory.parts.copies;
  assert.ok(more >= masks && more < 3 * masks, `${more} bytes for masks of ${masks}`);
});

Deno.test("checkRun() plans for the rows that need most, not for longer ones whose examples are short", async () => {
  const run = await runOf([470], { packing: true });
  const lengths = new Int32Array(16).fill(30);
  const evaluated = createDataset(
    Array.from(lengths, (length) => {
      const ids = new Int32Array(length).fill(3);
      return { inputIds: ids, labels: ids };
    }),
    { packing: packExamples(lengths, { maxLength: 512 }) },
  );
  const alone = await checkRun(run);
  const both = await checkRun({ ...run, datasets: [...run.datasets, evaluated] });
  assert.equal(alone.shape.seqLen, 480);
  assert.equal(both.shape.seqLen, 512, "evaluations fill up rows further");
  assert.equal(both.memory.parts.activations, alone.memory.parts.activations);
  const short = await checkRun({ ...run, datasets: [evaluated] });
  assert.ok(short.memory.parts.activations < 0.9 * alone.memory.parts.activations);
});
