import assert from "node:assert/strict";
import { join } from "node:path";
import { decodeSettings, type Respelling } from "../../../src/utils/settings/decode_settings.ts";
import { type GivenSettings, valuesOf } from "../../../src/utils/settings/layers.ts";
import type { AnySettings } from "../../../src/utils/settings/setting.ts";
import { parseSettings } from "../../../src/utils/settings/settings_file.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const TABLE: AnySettings = {
  data: { kind: "path", help: "" },
  model: { kind: "place", names: ["demo"], help: "" },
  rows: { kind: "integer", min: 1, default: 8, aliases: ["row_count"], help: "" },
  rate: { kind: "number", min: 0, max: 1, default: null, help: "" },
  shuffle: { kind: "boolean", default: true, help: "" },
  order: {
    kind: "choice",
    choices: ["by-length", "none"],
    synonyms: { sorted: "by-length" },
    help: "",
  },
  layers: { kind: "names", default: null, help: "" },
  prompts: { kind: "texts", default: [], help: "" },
  targets: { kind: "selection", words: ["all"], default: null, help: "" },
};

function read(
  text: string,
  path = "/home/x.yaml",
  onRespelling: (each: Respelling) => void = () => {},
): GivenSettings {
  const options = { table: TABLE, origin: "config" as const, path, userFolder: "/home/me" };
  return decodeSettings(parseSettings(text, path).entries, { ...options, onRespelling });
}

Deno.test("decodeSettings() reads every kind of setting", () => {
  const text = `
data: data.jsonl
model: owner/name
rows: 4
rate: null
shuffle: false
order: By_Length
layers: [a, b]
prompts: ["Hello, you", ""]
targets: /layers\\.[01]\\..*/
`;
  assert.deepEqual(valuesOf(read(text)), {
    data: "/home/data.jsonl",
    model: "owner/name",
    rows: 4,
    rate: null,
    shuffle: false,
    order: "by-length",
    layers: ["a", "b"],
    prompts: ["Hello, you", ""],
    targets: "layers\\.[01]\\..*",
  });
  assert.deepEqual(read("prompts: Hello")["prompts"]?.value, ["Hello"]);
  assert.equal(read("order: sorted")["order"]?.value, "by-length");
});

Deno.test("decodeSettings() makes paths relative to the file, and names only where there is such a folder", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "x.yaml");
  await Deno.mkdir(join(folder.path, "mine"));
  const value = (text: string, key: string) => read(text, path)[key]?.value;
  assert.equal(value("data: a/b.jsonl", "data"), join(folder.path, "a/b.jsonl"));
  assert.equal(value("data: ../b.jsonl", "data"), join(folder.path, "../b.jsonl"));
  assert.equal(value("data: /b.jsonl", "data"), "/b.jsonl");
  assert.equal(value("data: ~/b.jsonl", "data"), "/home/me/b.jsonl");
  assert.equal(value("model: mine", "model"), join(folder.path, "mine"));
  assert.equal(value("model: ./other", "model"), join(folder.path, "other"));
  assert.equal(value("model: other", "model"), "other");
  await Deno.mkdir(join(folder.path, "demo"));
  assert.equal(value("model: demo", "model"), "demo");
});

Deno.test("decodeSettings() tells of other spellings, and refuses two of one setting", () => {
  const told: Respelling[] = [];
  read("row-count: 3\nrate: 1", "/x.yaml", (each) => told.push(each));
  assert.deepEqual(told, [{ key: "row-count", setting: "rows" }]);
  assert.throws(
    () => read("rows: 3\nrow_count: 3"),
    /"\/home\/x\.yaml:2:1": "row_count" is "rows", which \/home\/x\.yaml:1:1 gives already/,
  );
});

const WRONG: readonly [text: string, message: RegExp][] = [
  ["\nrwos: 3", /"\/home\/x\.yaml:2:1": "rwos" is not a setting; did you mean "rows"\?/],
  ["colour: 3", /:1:1": "colour" is not a setting; llm-training config schema lists all/],
  ['rows: "3"', /:1:1" as "rows" must be a whole number of at least 1: current value is "3"/],
  ["rows: 0", /"rows" must be a whole number of at least 1/],
  ["rate: 1.5", /"rate" must be a number from 0 to 1: current value is 1\.5/],
  ["rows: null", /"rows" must be a whole number .* current value is null/],
  ["shuffle: yes", /"shuffle" must be true or false: current value is "yes"/],
  ["order: random", /"order" must be one of "by-length", "none": current value is "random"/],
  ["layers: a", /"layers" must be an array: current value is "a"/],
  ["layers: [a, 1]", /"layers\[1\]" must be a string/],
  ["layers: []", /"layers" must be an array of names/],
  ['data: ""', /"data" must be a string that is not empty/],
];

Deno.test("decodeSettings() refuses what is wrong in one line with file, line, key and way out", () => {
  for (const [text, message] of WRONG) {
    assert.throws(() => read(text), { name: "UserError", message }, text);
  }
});
