import assert from "node:assert/strict";
import { encodeModel, type OnnxValueInfo } from "../../../src/engine/onnx/model.ts";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import {
  ANGLE_ROWS,
  contextNames,
  IDS,
  POSITIONS,
  writeDerivedInputs,
} from "../../../src/inference/onnx_export/derived_inputs.ts";
import { nodeWriter } from "../../../src/inference/onnx_export/node_writer.ts";
import type { AttentionKind } from "../../../src/models/language_model.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";

const KINDS: readonly AttentionKind[] = [
  { rope: { type: "default", theta: 100 }, rotaryDim: 4, window: null },
  { rope: { type: "linear", theta: 10, factor: 2 }, rotaryDim: 2, window: 3 },
];

const WANTED: readonly OnnxValueInfo[] = [
  { name: IDS, dtype: "int64", shape: ["b", "s", 1] },
  { name: POSITIONS, dtype: "int64", shape: ["b", "s", 1] },
  { name: ANGLE_ROWS, dtype: "int64", shape: ["b", "s"] },
  ...KINDS.flatMap(({ rotaryDim }, kind): OnnxValueInfo[] => {
    const { cos, sin, mask } = contextNames(kind);
    return [
      { name: cos, dtype: "float32", shape: ["bs", rotaryDim / 2] },
      { name: sin, dtype: "float32", shape: ["bs", rotaryDim / 2] },
      { name: mask, dtype: "float32", shape: ["b", 1, "s", "t"] },
    ];
  }),
];

const CPU = AVAILABLE_DEVICES.find((device) => device !== "webgpu")!;

/** Two sequences of two earlier tokens and three new ones; the second is padded on its left. */
const IDS_READ = [[5, 6, 7], [8, 9, 10]];
const MASK = [[1, 1, 1, 1, 1], [0, 0, 0, 1, 1]];
const POSITIONS_READ = [[2, 3, 4], [1, 0, 1]];

function integers(rows: readonly (readonly number[])[]): Tensor {
  return tensor(
    "int64",
    [rows.length, rows[0]!.length],
    BigInt64Array.from(rows.flat(), BigInt),
  );
}

Deno.test("writeDerivedInputs() makes ids, angles and masks as written out by hand, windows and padding included", async () => {
  const writer = nodeWriter("input");
  writeDerivedInputs(writer, { kinds: KINDS, wanted: WANTED });
  const model = encodeModel({
    nodes: writer.nodes,
    initializers: writer.constants,
    inputs: ["input_ids", "attention_mask", "position_ids"].map((name) => ({
      name,
      dtype: "int64",
      shape: ["b", name === "attention_mask" ? "t" : "s"],
    })),
    outputs: WANTED,
  });
  await using session = await openSession(model, { device: CPU, threads: 2 });
  const made = await session.run({
    input_ids: integers(IDS_READ),
    attention_mask: integers(MASK),
    position_ids: integers(POSITIONS_READ),
  }) as Record<string, Tensor>;

  assert.deepEqual(made[IDS]!.shape, [2, 3, 1]);
  assert.deepEqual([...made[IDS]!.data].map(Number), IDS_READ.flat());
  assert.deepEqual([...made[POSITIONS]!.data].map(Number), POSITIONS_READ.flat());
  assert.deepEqual(made[ANGLE_ROWS]!.shape, [2, 3]);
  assert.deepEqual([...made[ANGLE_ROWS]!.data].map(Number), [0, 1, 2, 3, 4, 5]);

  const frequencies = [[1, 0.1], [0.5]];
  for (const [kind, { window }] of KINDS.entries()) {
    const names = contextNames(kind);
    const angles = POSITIONS_READ.flat().flatMap((at) => frequencies[kind]!.map((it) => at * it));
    assertClose(made[names.cos]!, angles.map(Math.cos));
    assertClose(made[names.sin]!, angles.map(Math.sin));
    const mask = MASK.flatMap((real) =>
      [2, 3, 4].flatMap((query) =>
        real.map((isReal, key) =>
          isReal === 1 && key <= query && query - key < (window ?? Infinity) ? 0 : -1e9
        )
      )
    );
    assert.deepEqual(made[names.mask]!.shape, [2, 1, 3, 5]);
    assertClose(made[names.mask]!, mask);
  }
});

Deno.test("writeDerivedInputs() makes nothing that is not wanted", () => {
  const writer = nodeWriter("input");
  writeDerivedInputs(writer, {
    kinds: [{ rope: null, rotaryDim: 4, window: null }],
    wanted: [{ name: IDS, dtype: "int64", shape: ["b", "s", 1] }],
  });
  assert.deepEqual(writer.nodes.map(({ op }) => op), ["Unsqueeze"]);
});

function assertClose({ data }: Tensor, expected: readonly number[]): void {
  assert.equal(data.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs(Number(data[i]) - value) <= 1e-6 * Math.max(1, Math.abs(value)), `${i}`);
  }
}
