/**
 * One contender of the training benchmark, in a process of its own: trains the 15.2 M Llama on a fixed batch, or runs
 * the matrix products of the same step alone, and prints the times of its steps as JSON.
 *
 * usage: training_step.ts <device> <full|products> <steps>
 */

import { grad } from "../../src/engine/graph/autodiff.ts";
import { input } from "../../src/engine/graph/build.ts";
import { encodeModel, type OnnxModel, type OnnxValueInfo } from "../../src/engine/onnx/model.ts";
import { openSession } from "../../src/engine/runtime/open_session.ts";
import type { Device } from "../../src/engine/runtime/session.ts";
import type { Value } from "../../src/engine/graph/value.ts";
import { topologicalOrder } from "../../src/engine/graph/value.ts";
import { simplify } from "../../src/engine/graph/simplify.ts";
import { lossGraph } from "../../src/core/training/loss_graph.ts";
import { wholeModel } from "../../src/core/training/trainee.ts";
import { openTrainer } from "../../src/core/training/open_trainer.ts";
import { initialWeights } from "../../src/core/training/initialize.ts";
import { createModel } from "../../src/models/architectures.ts";
import { findPreset } from "../../src/models/presets.ts";
import { printLine } from "./print_line.ts";
import { timeRuns } from "./time_runs.ts";

const BATCH = 4;
const SEQ_LEN = 128;
const THREADS = 2;

/** Products, by their ONNX names. */
const PRODUCTS = new Set(["Gemm", "MatMul"]);

const model = createModel(findPreset("15m")!.config);

/** The rows that the PyTorch contender trains on too. */
function batchIds(offset: number): Int32Array {
  return Int32Array.from(
    { length: BATCH * SEQ_LEN },
    (_, i) => ((i + offset) * 7 + Math.floor((i + offset) / 13)) % 500,
  );
}

/** Trains and returns the time of each step, in milliseconds. */
async function trainFully(device: Device, steps: number): Promise<number[]> {
  await using trainer = await openTrainer(wholeModel(model), {
    device,
    threads: THREADS,
    optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
  });
  await trainer.load({ weights: [...initialWeights(model, 0)] });
  const tokens = BATCH * SEQ_LEN;
  const batch = {
    ids: batchIds(0),
    labels: batchIds(1),
    batch: BATCH,
    seqLen: SEQ_LEN,
    trainedTokens: tokens,
    tokens,
  };
  const times: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const started = performance.now();
    await trainer.accumulate(batch, { tokenWeight: 1 / tokens, seed: 0 });
    await trainer.update({ step, learningRate: 1e-3, maxGradNorm: 0 });
    times.push(performance.now() - started);
  }
  return times;
}

/** The training graph with nothing but its products left; what they read is given to them. */
function productsOnly(): OnnxModel {
  const weights = new Map(
    model.weights.map(({ name, shape }) => [name, input(name, "float32", shape)]),
  );
  const { loss } = lossGraph(wholeModel(model), {
    shape: { batch: BATCH, seqLen: SEQ_LEN },
    values: {
      trained: (name) => weights.get(name)!,
      frozen: (name) => weights.get(name)!,
    },
  });
  const products = topologicalOrder(simplify([loss, ...grad(loss, [...weights.values()])]))
    .filter(({ op }) => PRODUCTS.has(op));
  const inputs = new Map<string, OnnxValueInfo>();
  const give = (value: Value): string => {
    // Values of one shape are one array: it is the arithmetic that counts.
    const name = `given_${value.shape.join("_")}`;
    inputs.set(name, { name, dtype: "float32", shape: value.shape });
    return name;
  };
  const nodes = products.map((value, i) => ({
    op: value.op as string,
    domain: "",
    inputs: value.inputs.map(give),
    outputs: [`product_${i}`],
    attributes: value.op === "Gemm"
      ? {
        transA: { int: Number(value.attributes.transA) },
        transB: { int: Number(value.attributes.transB) },
      }
      : {},
  }));
  // The products of weights leave the graph as gradients do; the others are dropped where they are made.
  const gradientShapes = new Set([...weights.values()].map(({ shape }) => shape.join()));
  const outputs = products.flatMap((value, i): OnnxValueInfo[] =>
    gradientShapes.has(value.shape.join()) && value.op === "Gemm" && value.attributes.transA
      ? [{ name: `product_${i}`, dtype: "float32", shape: value.shape }]
      : []
  );
  return { nodes, inputs: [...inputs.values()], outputs, initializers: new Map() };
}

async function runProducts(device: Device, steps: number): Promise<number[]> {
  const graph = productsOnly();
  await using session = await openSession(encodeModel(graph), {
    device,
    threads: THREADS,
    // As they are written: an optimizer could leave out what nobody reads.
    optimization: "none",
  });
  return await timeRuns(graph, { session, count: steps });
}

if (import.meta.main) {
  const [device, mode, steps] = Deno.args as [Device, "full" | "products", string];
  const run = mode === "full" ? trainFully : runProducts;
  const times = await run(device, Number(steps));
  const { VmHWM } = Object.fromEntries(
    (await Deno.readTextFile("/proc/self/status")).split("\n").map((line) => line.split(/:\s+/)),
  );
  printLine(JSON.stringify({ times, peakBytes: parseInt(VmHWM) * 1024 }));
  Deno.exit(0);
}
