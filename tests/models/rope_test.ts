import assert from "node:assert/strict";
import { input } from "../../src/engine/graph/build.ts";
import { topologicalOrder } from "../../src/engine/graph/value.ts";
import { createModel } from "../../src/models/architectures.ts";
import type { LanguageModel } from "../../src/models/language_model.ts";
import { angleTables, ropeAngles } from "../../src/models/rope.ts";
import rope from "../fixtures/rope.json" with { type: "json" };

/** Returns which of a model's kinds of attention the layers read, by the masks that they depend on. */
function kindsOfLayers(model: LanguageModel): number[] {
  const values = new Map(
    model.weights.map(({ name, shape }) => [name, input(name, "float32", shape)]),
  );
  const contexts = model.attentionKinds.map(({ rotaryDim }, kind) => ({
    angles: {
      positions: input("rows", "int64", [1, 3]),
      cos: input("cos", "float32", [3, rotaryDim / 2]),
      sin: input("sin", "float32", [3, rotaryDim / 2]),
    },
    mask: input(`mask ${kind}`, "float32", [1, 1, 3, 3]),
  }));
  const ids = input("ids", "int64", [1, 3, 1]);
  const hidden = input("hidden", "float32", [1, 3, model.hiddenSize]);
  return Array.from({ length: model.numLayers }, (_, layer) => {
    const made = model.runLayer(hidden, {
      weight: (name) => values.get(name)!,
      ids,
      positions: ids,
      contexts,
      layer,
    });
    const read = topologicalOrder([made.hidden]).flatMap((value) =>
      value.op === "Input" && value.attributes.name.startsWith("mask ")
        ? [Number(value.attributes.name.slice("mask ".length))]
        : []
    );
    assert.equal(read.length, 1);
    return read[0]!;
  });
}

for (const { name, config, layer_types: types, windows, angles } of rope.cases) {
  Deno.test(`createModel() reads positions and windows as transformers does: ${name}`, () => {
    const model = createModel(config);
    const kinds = kindsOfLayers(model);
    assert.deepEqual(
      new Set(kinds),
      new Set(model.attentionKinds.keys()),
      "every kind is one of some layer",
    );
    for (const [layer, type] of types.entries()) {
      const kind = model.attentionKinds[kinds[layer]!]!;
      assert.equal(kind.window, (windows as Record<string, number | null>)[type]);
      const expected =
        (angles as Record<string, { inv_freq: number[]; attention_factor: number }>)[type]!;
      const { frequencies, attentionFactor } = ropeAngles(kind.rope!, kind.rotaryDim);
      assert.equal(frequencies.length, expected.inv_freq.length);
      // transformers computes them in float32.
      expected.inv_freq.forEach((frequency, i) =>
        assert.ok(Math.abs(frequencies[i]! / frequency - 1) < 2e-6, `pair ${i}`)
      );
      assert.ok(Math.abs(attentionFactor - expected.attention_factor) < 1e-12);
    }
  });
}

Deno.test("angleTables() scales cosines and sines by the factor of attention", () => {
  const angles = { frequencies: Float64Array.of(1, 0.1), attentionFactor: 1.5 };
  const { cos, sin } = angleTables(angles, [0, 3]);
  assert.deepEqual(cos.shape, [2, 2]);
  assert.deepEqual(
    cos.data,
    Float32Array.of(1.5, 1.5, 1.5 * Math.cos(3), 1.5 * Math.cos(0.30000000000000004)),
  );
  assert.deepEqual(
    sin.data,
    Float32Array.of(0, 0, 1.5 * Math.sin(3), 1.5 * Math.sin(0.30000000000000004)),
  );
});

Deno.test("createModel() ends a model with LongRoPE where its angles would change", () => {
  const { config } = rope.cases.find(({ name }) => name === "longrope")!;
  assert.equal(createModel(config).maxPositions, 512);
});
