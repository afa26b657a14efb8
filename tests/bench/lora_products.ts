/**
 * The bound of the LoRA benchmark, in a process of its own: of the graph of a step nothing but the products with frozen
 * matrices, which whatever trains the same adapter computes too. Prints the times of its runs as JSON.
 *
 * usage: lora_products.ts <config.json> <native|wasm> <runs>
 */

import { hostLossGraph } from "../../src/core/training/host_loss_graph.ts";
import { adapterOf } from "../../src/core/training/trainee.ts";
import {
  encodeModel,
  type OnnxModel,
  type OnnxNode,
  type OnnxValueInfo,
} from "../../src/engine/onnx/model.ts";
import { openSession } from "../../src/engine/runtime/open_session.ts";
import type { Device } from "../../src/engine/runtime/session.ts";
import { LORA_DEFAULTS } from "../../src/models/adapters/lora_config.ts";
import { createModel } from "../../src/models/architectures.ts";
import { printLine } from "./print_line.ts";
import { timeRuns } from "./time_runs.ts";

const SHAPE = { batch: 1, seqLen: 512 };
const THREADS = 2;

const [config, device, runs] = Deno.args as [config: string, device: Device, runs: string];
const trainee = adapterOf(createModel(JSON.parse(await Deno.readTextFile(config))), LORA_DEFAULTS);

/** Returns what is left of `step`; what is multiplied with the matrices is given. */
function frozenProducts({ nodes, inputs, valueTypes }: OnnxModel): OnnxModel {
  const isFrozen = new Set(trainee.frozen.map(({ name }) => name));
  const matrices = new Map(
    inputs.filter(({ name }) => isFrozen.has(name)).map((info) => [info.name, info]),
  );
  const slices = nodes.filter(({ op, inputs: [x] }) => op === "Slice" && matrices.has(x!));
  const sliced = new Set(slices.map(({ outputs: [y] }) => y!));
  const read = new Map<string, OnnxValueInfo>();
  for (const { inputs: [x] } of slices) read.set(x!, matrices.get(x!)!);
  const products = nodes.flatMap((node): OnnxNode[] => {
    const [x, matrix] = node.inputs as [string, string];
    if (node.op !== "Gemm" || !(matrices.has(matrix) || sliced.has(matrix))) return [];
    if (matrices.has(matrix)) read.set(matrix, matrices.get(matrix)!);
    // Values of one shape are one array: it is the arithmetic that counts.
    const { dtype, shape } = valueTypes!.get(x)!;
    const given = `given_${shape.join("_")}`;
    read.set(given, { name: given, dtype, shape });
    return [{ ...node, inputs: [given, matrix] }];
  });
  const [made] = products.at(-1)!.outputs as [string];
  return {
    nodes: [...slices, ...products],
    inputs: [...read.values()],
    outputs: [{ name: made, ...valueTypes!.get(made)! }],
    initializers: step.initializers,
  };
}

const step = hostLossGraph(trainee, {
  shape: SHAPE,
  training: true,
  storage: { dtype: "f32", gpu: false },
});
const graph = frozenProducts(step);
// As they are written: an optimizer could leave out what nobody reads.
const options = { device, threads: THREADS, optimization: "none", keepMemory: false } as const;
await using session = await openSession(encodeModel(graph), options);

const times = await timeRuns(graph, { session, count: Number(runs) });
printLine(JSON.stringify({ times }));
Deno.exit(0);
