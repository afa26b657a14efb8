import { Ajv } from "ajv";
import assert from "node:assert/strict";
import { TRAINING_DEFAULTS } from "../../src/core/train.ts";
import { settingsSchema } from "../../src/cli/settings_schema.ts";
import { SECTIONS, TRAIN_SETTINGS } from "../../src/cli/settings_sections.ts";
import { decodeSettings } from "../../src/utils/settings/decode_settings.ts";
import type { AnySettings } from "../../src/utils/settings/setting.ts";

/** Values of every type, in and out of the bounds of settings. */
const VALUES = [
  ...[-1, -0.5, 0, 0.5, 0.99, 1, 2, 256, 257, 65536, 2 ** 32, 1e10, 1.5],
  ...["", "1", "auto", "adamw", "no such word", true, false, null],
  ...[[], [""], ["a"], ["a", 1], {}, { a: 1 }],
];

const validate = new Ajv({ strict: true, allowUnionTypes: true, formats: { uri: URL.canParse } })
  .compile(settingsSchema());

function loads(value: unknown, table: AnySettings, key: string): boolean {
  const entries = [{ key, value, place: "x.json:1:1", entries: undefined }];
  try {
    decodeSettings(entries, { table, origin: "config", path: "/x.json" });
    return true;
  } catch (error) {
    assert.equal((error as Error).name, "UserError");
    return false;
  }
}

Deno.test("settingsSchema() takes and refuses what the loader does, by ajv", () => {
  for (const [key, setting] of Object.entries(TRAIN_SETTINGS)) {
    const choices = setting.kind === "choice" ? setting.choices : [];
    for (const value of [...VALUES, ...choices]) {
      const shown = `${key}: ${JSON.stringify(value)}`;
      assert.equal(validate({ [key]: value }), loads(value, TRAIN_SETTINGS, key), shown);
    }
  }
  for (const [name, { settings }] of Object.entries(SECTIONS)) {
    for (const key of Object.keys(settings ?? {})) {
      for (const value of VALUES) {
        const shown = `${name}.${key}: ${JSON.stringify(value)}`;
        assert.equal(validate({ [name]: { [key]: value } }), loads(value, settings!, key), shown);
      }
    }
  }
});

Deno.test("settingsSchema() takes the defaults, and refuses unknown keys there and in sections", () => {
  assert.equal(validate({ $schema: "./x.json", ...TRAINING_DEFAULTS }), true);
  assert.equal(validate({ batchsize: 8 }), false);
  assert.equal(validate({ serve: { prot: 8 } }), false);
  assert.equal(validate({ serve: { port: 8 }, retention: { keepLatest: 3 } }), true);
});

Deno.test("settingsSchema() describes every setting as the help does", () => {
  const { properties } = settingsSchema();
  for (const [key, { help }] of Object.entries(TRAIN_SETTINGS)) {
    const { description } = (properties as Record<string, { description: string }>)[key]!;
    assert.ok(description.startsWith(help), key);
  }
});
