/**
 * What a run will do and take, as `train --dry-run` prints it.
 *
 * @module
 */

import type { RunPlan } from "../core/train.ts";
import { formatBytes, formatCount } from "../utils/format.ts";

/** What is taken for what, in the order of the table. */
const PARTS: Readonly<Record<keyof RunPlan["memory"]["parts"], string>> = {
  weights: "weights that are trained",
  gradients: "gradients",
  optimizer: "optimizer",
  frozen: "frozen weights",
  activations: "activations",
  copies: "copies",
  runtime: "ONNX Runtime, compiled graphs",
  process: "program, data, tokenizer",
};

/** Says in a line what memory a run takes. */
export function memoryLine({ memory, limits }: RunPlan): string {
  const gpu = memory.gpu > 0 ? `, ${formatBytes(memory.gpu)} on the GPU` : "";
  return `memory: about ${formatBytes(memory.host)} of ${formatBytes(limits.host)}${gpu}`;
}

/** Returns the lines of the plan. */
export function runPlanTable(plan: RunPlan): string {
  const { memory, limits, learningRate, shape, problem, remedies, diskFreeBytes } = plan;
  const parts = Object.entries(PARTS) as [keyof typeof PARTS, string][];
  const rows: [label: string, value: string][] = [
    ["device", `${plan.device} (${plan.deviceReason})`],
    [
      "parameters",
      `${formatCount(plan.parameters)}, trained: ${formatCount(plan.trainedParameters)}`,
    ],
    [
      "steps",
      `${plan.totalSteps} of ${plan.effectiveBatch} rows, ` +
      `about ${formatCount(plan.tokensPerStep)} tokens each`,
    ],
    [
      "largest micro-batch",
      `${shape.batch} × ${shape.seqLen} tokens; ` +
      `${plan.shapes} shape${plan.shapes === 1 ? "" : "s"} in all`,
    ],
    [
      "learning rate",
      `up to ${learningRate.peak} over ${learningRate.warmupSteps} steps, ` +
      `then ${learningRate.schedule} to step ${plan.totalSteps}`,
    ],
    [
      "checkpoints",
      `${plan.checkpoints} × ${formatBytes(plan.checkpointBytes)}` +
      (diskFreeBytes === undefined ? "" : `; the disk has ${formatBytes(diskFreeBytes)} left`),
    ],
    ["", ""],
    ...parts.filter(([part]) => memory.parts[part] > 0)
      .map(([part, label]): [string, string] => [label, formatBytes(memory.parts[part])]),
    ["memory in all", formatBytes(memory.total)],
    ["in this machine's memory", `${formatBytes(memory.host)} of ${formatBytes(limits.host)}`],
  ];
  if (limits.wasmHeap !== undefined) {
    rows.push([
      "in WebAssembly's heap",
      `${formatBytes(memory.wasmHeap)} of ${formatBytes(limits.wasmHeap)}`,
    ]);
  }
  if (limits.gpuTensor !== undefined) {
    rows.push(
      ["on the GPU", `${formatBytes(memory.gpu)}; how much it has, WebGPU does not tell`],
      [
        "largest tensor",
        `${formatBytes(memory.largest.bytes)} of ${
          formatBytes(limits.gpuTensor)
        } that the GPU reads at once`,
      ],
    );
  }
  rows.push(["verdict", problem === undefined ? "fits" : `does not fit: ${problem}`]);
  for (const { flags, total } of remedies) {
    rows.push(["would fit", `${flags} (${formatBytes(total)})`]);
  }
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`.trimEnd()).join("\n");
}
