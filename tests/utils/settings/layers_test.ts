import assert from "node:assert/strict";
import {
  type GivenSettings,
  overlay,
  resolveSettings,
} from "../../../src/utils/settings/layers.ts";
import type { AnySettings } from "../../../src/utils/settings/setting.ts";

const TABLE: AnySettings = {
  data: { kind: "path", help: "" },
  epochs: { kind: "number", default: 3, replaces: ["maxSteps"], help: "" },
  maxSteps: { kind: "integer", default: null, help: "" },
};

const layer = (
  origin: "home" | "config" | "flag",
  values: Readonly<Record<string, unknown>>,
): GivenSettings =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, { value, source: { origin } }]),
  );

const resolved = (...layers: readonly GivenSettings[]) =>
  Object.fromEntries(
    Object.entries(resolveSettings(TABLE, layers))
      .map(([key, { value, source }]) => [key, [value, source.origin]]),
  );

Deno.test("resolveSettings() takes the strongest layer, and defaults for the rest", () => {
  assert.deepEqual(resolved(), {
    data: [undefined, "default"],
    epochs: [3, "default"],
    maxSteps: [null, "default"],
  });
  const home = layer("home", { data: "a", epochs: 1 });
  const config = layer("config", { data: "b" });
  assert.deepEqual(resolved(home, config, layer("flag", { data: "c" })), {
    data: ["c", "flag"],
    epochs: [1, "home"],
    maxSteps: [null, "default"],
  });
});

Deno.test("resolveSettings() puts a setting out of force that a stronger layer replaces", () => {
  const home = layer("home", { maxSteps: 100 });
  const { maxSteps } = resolved(home, layer("flag", { epochs: 2 }));
  assert.deepEqual(maxSteps, [null, "flag"]);
  assert.deepEqual(resolved(layer("home", { maxSteps: 100, epochs: 2 }))["maxSteps"], [
    100,
    "home",
  ]);
  assert.deepEqual(
    resolved(layer("home", { epochs: 2 }), layer("flag", { maxSteps: 9 })),
    { data: [undefined, "default"], epochs: [2, "home"], maxSteps: [9, "flag"] },
  );
});

Deno.test("overlay() adds to what one place gives without filling up the rest", () => {
  const home = layer("home", { maxSteps: 100, data: "a" });
  const { maxSteps, ...rest } = overlay(home, {
    layer: layer("home", { epochs: 2 }),
    table: TABLE,
  });
  assert.equal(maxSteps?.value, null);
  assert.deepEqual(Object.keys(rest), ["data", "epochs"]);
});

Deno.test("resolveSettings() lets a layer leave open what a weaker one gives", () => {
  const { maxSteps } = resolved(
    layer("home", { maxSteps: 5 }),
    layer("config", { maxSteps: null }),
  );
  assert.deepEqual(maxSteps, [null, "config"]);
});
