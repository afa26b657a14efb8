import assert from "node:assert/strict";
import type { FrozenDtype } from "../../../src/core/training/frozen_weights.ts";
import {
  hostLossGraph,
  type HostLossGraphOptions,
} from "../../../src/core/training/host_loss_graph.ts";
import { createShapeGraphs } from "../../../src/core/training/shape_graphs.ts";
import { adapterOf, type Trainee, wholeModel } from "../../../src/core/training/trainee.ts";
import { decodeModel, encodeModel } from "../../../src/engine/onnx/model.ts";
import {
  FOREIGN_PATTERNS,
  HARMFUL_PATTERNS,
  withoutForeignPatterns,
} from "../../../src/engine/runtime/foreign_patterns.ts";
import { loadNativeBinding } from "../../../src/engine/runtime/native_binding.ts";
import { LORA_DEFAULTS } from "../../../src/models/adapters/lora_config.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { node, value } from "../../engine/runtime/models.ts";
import { DIFFERENT_MODELS, readModel } from "../../models/golden_models.ts";
import { testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const SHAPE = { batch: 2, seqLen: 256 };

/** How often each operator is in the graph that ONNX Runtime makes of `model` with settings of its own. */
async function operatorsOf(
  model: Uint8Array,
  { folder, settings }: {
    readonly folder: string;
    readonly settings: Readonly<Record<string, unknown>>;
  },
): Promise<Record<string, number>> {
  const { InferenceSession } = await loadNativeBinding();
  const path = `${folder}/optimized.onnx`;
  const session = new InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    graphOptimizationLevel: "all",
    logSeverityLevel: 4,
    optimizedModelFilePath: path,
    extra: settings,
  });
  session.dispose();
  const { nodes } = decodeModel(await Deno.readFile(path));
  const byOperator = Map.groupBy(nodes, ({ op }) => op);
  return Object.fromEntries([...byOperator].map(([op, nodes]) => [op, nodes.length]).toSorted());
}

function productsIn({ MatMul = 0, FusedMatMul = 0, Gemm = 0 }: Record<string, number>): number {
  return MatMul + FusedMatMul + Gemm;
}

const neverCompiled = () => Promise.reject(new Error("its graphs are only described"));

const CASES: Readonly<Record<string, readonly [kind: "whole" | "adapter", FrozenDtype]>> = {
  "the whole model": ["whole", "f32"],
  "an adapter": ["adapter", "f32"],
  "an adapter on a base in f16": ["adapter", "f16"],
  "an adapter on a base in int8": ["adapter", "int8"],
};

for (const name of AVAILABLE_DEVICES.includes("native") ? DIFFERENT_MODELS : []) {
  for (const [title, [kind, dtype]] of Object.entries(CASES)) {
    testWithData(
      `training ${title} of ${name} has none of the patterns that are not looked for`,
      { data: `golden/models/${name}` },
      async (path) => {
        await using folder = await temporaryFolder();
        const { model } = await readModel(path);
        const trainee: Trainee = kind === "whole"
          ? wholeModel(model)
          : adapterOf(model, { ...LORA_DEFAULTS, dropout: 0.1 });
        for (const segments of [undefined, new Int32Array(SHAPE.batch * SHAPE.seqLen)]) {
          for (const training of [true, false]) {
            const options: HostLossGraphOptions = {
              shape: { ...SHAPE, segments },
              training,
              storage: { dtype, gpu: false },
              regularization: { neftuneAlpha: 5, labelSmoothing: 0.1 },
            };
            const layered = createShapeGraphs(trainee, { ...options, compile: neverCompiled });
            for (const graph of [hostLossGraph(trainee, options), ...layered.models()]) {
              const model = encodeModel(graph);
              const optimized = (left: readonly string[]) =>
                operatorsOf(model, {
                  folder: folder.path,
                  settings: { optimization: { disable_specified_optimizers: left.join(";") } },
                });
              const which = `training: ${training}, packed: ${segments !== undefined}`;
              const all = await optimized([]);
              assert.deepEqual(await optimized(FOREIGN_PATTERNS), all, which);
              const harmless = await optimized([...FOREIGN_PATTERNS, ...HARMFUL_PATTERNS]);
              assert.ok((harmless.Transpose ?? 0) <= (all.Transpose ?? 0), `${which}: transposed`);
              assert.equal(productsIn(harmless), productsIn(all), `${which}: products`);
            }
          }
        }
      },
    );
  }
}

Deno.test({
  name: "what is not looked for in training graphs is looked for elsewhere",
  ignore: !AVAILABLE_DEVICES.includes("native"),
  async fn() {
    await using folder = await temporaryFolder();
    const graph = encodeModel({
      inputs: [value("a", [2, 3]), value("b", [3, 4])],
      outputs: [value("y", [2, 4])],
      initializers: new Map(),
      nodes: [node("Gemm", [["a", "b"], ["x"]]), node("Relu", [["x"], ["y"]])],
    });
    const operators = (trains: boolean) =>
      operatorsOf(graph, { folder: folder.path, settings: withoutForeignPatterns({ trains }) });
    assert.deepEqual(await operators(false), { FusedGemm: 1 });
    assert.deepEqual(await operators(true), { Gemm: 1, Relu: 1 });
  },
});
