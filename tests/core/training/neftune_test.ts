import assert from "node:assert/strict";
import { initialWeights } from "../../../src/core/training/initialize.ts";
import { lossFeeds, lossGraph } from "../../../src/core/training/loss_graph.ts";
import { embeddingNoise } from "../../../src/core/training/neftune.ts";
import { openTrainer } from "../../../src/core/training/open_trainer.ts";
import { wholeModel } from "../../../src/core/training/trainee.ts";
import type { MicroBatch } from "../../../src/datasets/batch.ts";
import { input } from "../../../src/engine/graph/build.ts";
import { evaluate, type EvaluatedTensor, toEvaluated } from "../../../src/engine/graph/evaluate.ts";
import { createModel } from "../../../src/models/architectures.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { TINY_CONFIG } from "../../e2e/tiny_model.ts";

const SHAPE = { batch: 2, seqLen: 8, hiddenSize: TINY_CONFIG.hidden_size };
const ALPHA = 5;
const SEED = 17;
const EMBEDDINGS = "model.embed_tokens.weight";

/** Each token once, so that noise on a token is noise on a row of the embeddings. */
function distinctTokens(): MicroBatch {
  const { batch, seqLen } = SHAPE;
  const ids = Int32Array.from({ length: batch * seqLen }, (_, i) => 3 * i + 1);
  const labels = Int32Array.from(ids, (id, i) => (i + 1) % seqLen === 0 ? -100 : id + 1);
  return { ids, labels, batch, seqLen, trainedTokens: batch * (seqLen - 1), tokens: ids.length };
}

/** The loss in float64, with rows of the embeddings moved by the noise. */
function expectedLoss(): number {
  const model = createModel(TINY_CONFIG);
  const batch = distinctTokens();
  const noise = embeddingNoise({ ...SHAPE, alpha: ALPHA, seed: SEED }).data;
  const feeds: Record<string, EvaluatedTensor> = {};
  for (const { name, tensor } of initialWeights(model, 1)) feeds[name] = toEvaluated(tensor);
  for (const [name, tensor] of Object.entries(lossFeeds(batch, 1 / batch.trainedTokens))) {
    feeds[name] = toEvaluated(tensor);
  }
  const rows = feeds[EMBEDDINGS]!.data;
  batch.ids.forEach((id, token) => {
    for (let i = 0; i < SHAPE.hiddenSize; i++) {
      rows[id * SHAPE.hiddenSize + i]! += noise[token * SHAPE.hiddenSize + i]!;
    }
  });
  const shapes = new Map(model.weights.map(({ name, shape }) => [name, shape]));
  const weights = new Map(
    [...shapes].map(([name, shape]) => [name, input(name, "float32", shape)]),
  );
  const trained = (name: string) => weights.get(name)!;
  const values = { trained, frozen: trained };
  const { loss } = lossGraph(wholeModel(model), { shape: SHAPE, values });
  return evaluate([loss], feeds)[0]!.data[0]!;
}

for (const device of AVAILABLE_DEVICES) {
  Deno.test(`training on ${device} adds the noise of NEFTune to embeddings, evaluating does not`, async () => {
    const model = createModel(TINY_CONFIG);
    const batch = distinctTokens();
    const tokenWeight = 1 / batch.trainedTokens;
    const open = async (neftuneAlpha: number | null) => {
      const trainer = await openTrainer(wholeModel(model), {
        device,
        threads: 2,
        optimizer: { kind: "sgd", momentum: 0, nesterov: false, weightDecay: 0 },
        regularization: { labelSmoothing: 0, neftuneAlpha },
      });
      await trainer.load({ weights: [...initialWeights(model, 1)] });
      return trainer;
    };
    await using noisy = await open(ALPHA);
    await using plain = await open(null);
    const options = { tokenWeight, seed: SEED };
    const expected = expectedLoss();
    const withNoise = await noisy.accumulate(batch, options);
    const without = await plain.accumulate(batch, options);
    assert.ok(Math.abs(withNoise - expected) < 1e-6 * expected, `${withNoise}, not ${expected}`);
    assert.ok(Math.abs(without - expected) > 1e-4 * expected, "the noise is felt");
    const evaluated = await noisy.evaluate(batch) * tokenWeight;
    assert.ok(Math.abs(evaluated - without) < 1e-6 * without, "evaluating takes none");
  });
}

Deno.test("embeddingNoise() is uniform within alpha / sqrt(seqLen · hiddenSize), and follows from the seed", () => {
  const options = { batch: 4, seqLen: 50, hiddenSize: 100, alpha: ALPHA };
  const { data } = embeddingNoise({ ...options, seed: 1 });
  const bound = ALPHA / Math.sqrt(50 * 100);
  const [largest, sum, squares] = data.reduce(
    ([largest, sum, squares], x) => [Math.max(largest!, Math.abs(x)), sum! + x, squares! + x * x],
    [0, 0, 0],
  );
  assert.ok(largest! <= bound && largest! > 0.999 * bound);
  assert.ok(Math.abs(sum! / data.length) < 0.02 * bound);
  assert.ok(Math.abs(squares! / data.length / (bound ** 2 / 3) - 1) < 0.02);
  assert.deepEqual(embeddingNoise({ ...options, seed: 1 }).data, data);
  assert.notDeepEqual(embeddingNoise({ ...options, seed: 2 }).data, data);
});
