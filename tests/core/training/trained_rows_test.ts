import assert from "node:assert/strict";
import { FROZEN_DTYPES, storeFrozen } from "../../../src/core/training/frozen_weights.ts";
import { hostLossGraph } from "../../../src/core/training/host_loss_graph.ts";
import { initialWeights } from "../../../src/core/training/initialize.ts";
import { wholeLossFeeds } from "../../../src/core/training/loss_graph.ts";
import { adapterOf } from "../../../src/core/training/trainee.ts";
import { trainedFeeds } from "../../../src/core/training/trained_rows.ts";
import { IGNORED_LABEL } from "../../../src/datasets/labels.ts";
import { encodeModel } from "../../../src/engine/onnx/model.ts";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { ALL_LINEAR, LORA_DEFAULTS } from "../../../src/models/adapters/lora_config.ts";
import { createModel } from "../../../src/models/architectures.ts";
import { createRandom } from "../../../src/utils/random.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { TINY_CONFIG } from "../../e2e/tiny_model.ts";

const CPUS = AVAILABLE_DEVICES.filter((device) => device !== "webgpu");

/** Which tokens of rows of 24 are trained. */
const LABELLED: Readonly<Record<string, (at: number) => boolean>> = {
  "a prompt and an answer": (at) => at % 24 > 15,
  "several turns": (at) => at % 7 > 4,
  "every token": () => true,
  "the last alone": (at) => at === 47,
  "none": () => false,
};

interface Loss {
  readonly name: string;
  readonly vocabSize?: number;
  readonly frozenDtype?: typeof FROZEN_DTYPES[number];
  readonly labelSmoothing?: number;
}

const LOSSES: readonly Loss[] = [
  ...FROZEN_DTYPES.map((frozenDtype): Loss => ({ name: `a base in ${frozenDtype}`, frozenDtype })),
  { name: "label smoothing", labelSmoothing: 0.1 },
  // 48 rows of these make more logits than a chunk may have.
  { name: "logits in two chunks", vocabSize: 2 ** 20 },
];

for (const device of CPUS) {
  for (const { name, vocabSize, frozenDtype = "f32", labelSmoothing = 0 } of LOSSES) {
    Deno.test(`trainedLoss() with ${name} on ${device} is the loss over all tokens, gradients too`, async () => {
      const hiddenSize = vocabSize === undefined ? TINY_CONFIG.hidden_size : 8;
      const model = createModel({
        ...TINY_CONFIG,
        ...vocabSize !== undefined && {
          ...{ vocab_size: vocabSize, hidden_size: hiddenSize, num_hidden_layers: 1 },
          ...{ intermediate_size: 16, num_attention_heads: 2, num_key_value_heads: 1, head_dim: 4 },
        },
      });
      const trainee = adapterOf(model, { ...LORA_DEFAULTS, targetModules: ALL_LINEAR });
      const storage = { dtype: frozenDtype, gpu: false };
      const random = createRandom(5);
      const weights: Record<string, Tensor> = {};
      for (const { name, shape } of trainee.parameters) {
        const size = shape.reduce((product, extent) => product * extent, 1);
        const data = Float32Array.from({ length: size }, () => random.normal() * 0.1);
        weights[name] = tensor("float32", shape, data);
      }
      for (const weight of initialWeights(model, 3)) {
        Object.assign(weights, storeFrozen(weight, { model, storage }));
      }
      const sessions = await Promise.all([false, true].map((trainedOnly) =>
        openSession(
          encodeModel(hostLossGraph(trainee, {
            shape: { batch: 2, seqLen: 24 },
            training: true,
            trainedOnly,
            storage,
            regularization: { labelSmoothing, neftuneAlpha: null },
          })),
          { device, threads: 2 },
        )
      ));
      const ids = Int32Array.from({ length: 48 }, () => random.integer(model.vocabSize));
      const labelled = Object.entries(LABELLED).slice(0, vocabSize === undefined ? undefined : 1);
      for (const [which, isTrained] of labelled) {
        const labels = ids.map((id, at) =>
          isTrained(at) ? (id * 7 + 1) % model.vocabSize : IGNORED_LABEL
        );
        const batch = { ids, labels, batch: 2, seqLen: 24, trainedTokens: 0, tokens: 48 };
        const options = { tokenWeight: 0.25, vocabSize: model.vocabSize };
        const whole = wholeLossFeeds(batch, options);
        const feeds = [whole, { ids: whole["ids"]!, ...trainedFeeds(batch, options) }];
        const [all, trained] = await Promise.all(sessions.map(async (session, i) => {
          const read = Object.fromEntries(
            session.inputNames.map((name) => [name, feeds[i]![name] ?? weights[name]!]),
          );
          return await session.run(read) as Record<string, Tensor<"float32">>;
        }));
        const norm = Math.hypot(
          ...Object.entries(all!).flatMap(([name, { data }]) => name === "loss" ? [] : [...data]),
        );
        for (const [output, { data }] of Object.entries(all!)) {
          const scale = output === "loss" ? Math.abs(data[0]!) : norm;
          // Integers round what is multiplied by rows, which are the same here as there.
          for (const [i, element] of trained![output]!.data.entries()) {
            assert.ok(
              Math.abs(element - data[i]!) <= 2e-6 * scale,
              `${which}: ${output} ${i}: ${element}, not ${data[i]}`,
            );
          }
        }
      }
      for (const session of sessions) await session[Symbol.asyncDispose]();
    });
  }
}
