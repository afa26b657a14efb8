import assert from "node:assert/strict";
import { openTrainer } from "../../../src/core/training/open_trainer.ts";
import { wholeModel } from "../../../src/core/training/trainee.ts";
import { createDataset, type Dataset } from "../../../src/datasets/dataset.ts";
import { createLoader, START_CURSOR } from "../../../src/datasets/loader.ts";
import { packExamples } from "../../../src/datasets/packing.ts";
import type { Device } from "../../../src/engine/runtime/session.ts";
import { bandOf } from "../../../src/models/banded_attention.ts";
import { createRandom } from "../../../src/utils/random.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { type ModelWithWeights, readModel } from "../../models/golden_models.ts";
import { testWithData } from "../../shared_data.ts";

const BOUND = 1e-5;

/** Longer than the sliding windows of the models that have some. */
const MAX_LENGTH = 48;

/** Of rows so long that attention is in blocks. */
const LONG = 320;

function examplesFor(vocabSize: number) {
  const random = createRandom(17);
  return Array.from({ length: 40 }, () => {
    const length = 2 + Math.floor(38 * random.next() ** 2);
    const inputIds = Int32Array.from({ length }, () => random.integer(vocabSize));
    // the first tokens are those of a prompt
    return { inputIds, labels: inputIds.map((id, i) => i < length / 3 ? -100 : id) };
  });
}

interface LossAndGradients {
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Float64Array>;
  readonly microBatches: number;
  /** Numbers of rows that micro-batches have. */
  readonly rows: ReadonlySet<number>;
  /** Tokens of the blocks in which they attend, where they do. */
  readonly bands: ReadonlySet<number | undefined>;
}

/** Returns the loss of all examples and the gradients: what SGD of rate 1 subtracts. */
async function lossAndGradients(
  { model, weights }: ModelWithWeights,
  { dataset, device, batchSize = 4, gradientCheckpointing = false }: {
    readonly dataset: Dataset;
    readonly device: Device;
    readonly batchSize?: number;
    readonly gradientCheckpointing?: boolean;
  },
): Promise<LossAndGradients> {
  await using trainer = await openTrainer(wholeModel(model), {
    ...{ device, threads: 2, gradientCheckpointing },
    optimizer: { kind: "sgd", momentum: 0, nesterov: false, weightDecay: 0 },
  });
  await trainer.load({
    weights: [...weights].map(([name, tensor]) => ({ name, tensor })),
  });
  const loader = createLoader(dataset, { batchSize, gradientAccumulationSteps: 100 });
  const [step, ...others] = [...loader.epoch(START_CURSOR)];
  assert.equal(others.length, 0);
  let loss = 0;
  for (const batch of step!.microBatches) {
    loss += await trainer.accumulate(batch, { tokenWeight: 1, seed: 0 });
  }
  await trainer.update({ step: 1, learningRate: 1, maxGradNorm: 0 });
  const after = (await trainer.state()).weights;
  const gradients = new Map(after.map(({ name, tensor }) => {
    const before = weights.get(name)!.data;
    return [name, Float64Array.from(before, (value, i) => value - tensor.data[i]!)];
  }));
  const rows = new Set(step!.microBatches.map(({ batch }) => batch));
  const bands = new Set(
    step!.microBatches.map(({ seqLen, reach = seqLen }) => bandOf(seqLen, reach)),
  );
  return { loss, gradients, microBatches: step!.microBatches.length, rows, bands };
}

/** Models by how they tell positions and who sees whom; the first two on all devices. */
const MODELS = ["gemma3", "gpt2", "llama", "mistral", "phi3_partial_rotary", "qwen3"] as const;

for (const [index, name] of MODELS.entries()) {
  testWithData(
    `examples that are packed or joined have the loss and gradients of others: ${name}`,
    { data: `golden/models/${name}` },
    async (folder) => {
      const model = await readModel(folder);
      const plain = createDataset(examplesFor(model.model.vocabSize), { maxLength: MAX_LENGTH });
      const packing = packExamples(plain.lengths, { maxLength: MAX_LENGTH });
      const everywhere = index < 2;
      for (const device of AVAILABLE_DEVICES) {
        if (device !== "native" && !everywhere) continue;
        const one = await lossAndGradients(model, { dataset: plain, device });
        assert.deepEqual([...one.rows], [4]);
        const packed = await lossAndGradients(model, { dataset: { ...plain, packing }, device });
        assert.ok(2 * packed.microBatches < one.microBatches);
        // all rows at once are mostly padding unless they are joined
        const all = { dataset: plain, device, batchSize: 40 };
        const joined = await lossAndGradients(model, all);
        assert.deepEqual([...joined.rows], [1]);
        assert.ok(!joined.bands.has(undefined), "no example is so long that all looks at all");
        const long = packExamples(plain.lengths, { maxLength: LONG });
        const packedLong = await lossAndGradients(model, {
          dataset: { ...plain, packing: long },
          ...{ device, batchSize: 2 },
        });
        assert.deepEqual([...packedLong.rows], [2]);
        assert.ok(!packedLong.bands.has(undefined), "rows are much longer than examples");
        const others = { packed, joined, packedLong };
        if (device === "native") {
          const layered = await lossAndGradients(model, { ...all, gradientCheckpointing: true });
          Object.assign(others, { layered });
        }
        for (const [kind, other] of Object.entries(others)) {
          const lossError = Math.abs(one.loss - other.loss) / one.loss;
          assert.ok(lossError < BOUND, `${device}, ${kind}: loss differs by ${lossError}`);
          const scale = Math.max(...[...one.gradients.values()].map(largest));
          for (const [weight, gradient] of one.gradients) {
            const theirs = other.gradients.get(weight)!;
            const error = largest(gradient.map((value, i) => value - theirs[i]!)) / scale;
            assert.ok(
              error < BOUND,
              `${device}, ${kind}: gradient of ${weight} differs by ${error}`,
            );
          }
        }
      }
    },
  );
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
