import assert from "node:assert/strict";
import { createModel } from "../../src/models/architectures.ts";
import { findPreset, PRESETS } from "../../src/models/presets.ts";

/** Parameters of each preset, worked out by hand: embeddings + layers × (attention + feed-forward + norms) + norm. */
const PARAMETERS: Readonly<Record<string, number>> = {
  demo: 1024 * 128 + 4 * (49_152 + 147_456 + 320) + 128,
  "1m": 2048 * 128 + 4 * (49_152 + 147_456 + 320) + 128,
  "5m": 4096 * 256 + 6 * (196_608 + 491_520 + 640) + 256,
  "15m": 32_000 * 288 + 6 * (331_776 + 663_552 + 576) + 288,
  "30m": 12_288 * 512 + 8 * (786_432 + 2_162_688 + 1152) + 512,
};

Deno.test("PRESETS are models of the sizes that configs/README.md states", () => {
  const readme = Deno.readTextFileSync(new URL("../../configs/README.md", import.meta.url));
  assert.deepEqual(Object.keys(PRESETS), Object.keys(PARAMETERS));
  for (const [name, { config, description }] of Object.entries(PRESETS)) {
    const model = createModel(config);
    const parameters = model.weights.reduce(
      (sum, { shape }) => sum + shape.reduce((product, extent) => product * extent, 1),
      0,
    );
    assert.equal(parameters, PARAMETERS[name], name);
    const row = readme.split("\n").find((line) => line.startsWith(`| \`${name}\``));
    assert.ok(row?.includes(parameters.toLocaleString("en")), `${name}: ${parameters}`);
    assert.ok(description.length > 0);
  }
});

Deno.test("PRESETS name the special tokens that trainBpe() numbers first", () => {
  for (const { config } of Object.values(PRESETS)) {
    assert.deepEqual([config.pad_token_id, config.eos_token_id], [0, [2, 0]]);
  }
});

Deno.test("findPreset() finds presets by name only", () => {
  assert.equal(findPreset("15m")?.config.hidden_size, 288);
  assert.equal(findPreset("toString"), undefined);
  assert.equal(findPreset("./models/15m"), undefined);
});
