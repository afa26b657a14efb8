/**
 * A small training state whose every number follows from its step.
 *
 * @module
 */

import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import type { TrainingState } from "../../../src/models/checkpoint/save.ts";
import { createRandom } from "../../../src/utils/random.ts";

/** Returns the tensor `name` of the state after `step` steps. */
export function sampleTensor(name: string, step: number): Tensor<"float32"> {
  const random = createRandom(step * 100 + name.length);
  return tensor("float32", [50, 40], Float32Array.from({ length: 2000 }, () => random.normal()));
}

/** Returns the state after `step` steps. */
export function sampleState(step: number): TrainingState {
  return {
    config: { model_type: "llama" },
    tensors: [["weight", sampleTensor("weight", step)]],
    tokenizerFiles: new Map([["tokenizer.json", new TextEncoder().encode("{}")]]),
    optimizer: ["weight.exp_avg", "weight.exp_avg_sq"].map((name) => [
      name,
      sampleTensor(name, step),
    ]),
    trainer: {
      step,
      epoch: step / 10,
      cursor: { epoch: Math.floor(step / 10), index: step % 10 },
      random: { dropout: createRandom(step).state() },
      tokensSeen: step * 64,
      trainedTokensSeen: step * 60,
      bestEvaluation: { step, loss: 2.5 },
      evaluationsSinceBest: 0,
      datasetSha256: "00",
      datasetFiles: [{ path: "/data/rows.jsonl", sha256: "ab" }],
      metricsBytes: step * 100,
      config: { learningRate: 0.001 },
    },
  };
}
