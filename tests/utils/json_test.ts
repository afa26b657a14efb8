import assert from "node:assert/strict";
import { UserError } from "../../src/utils/errors.ts";
import {
  anyObject,
  array,
  boolean,
  decode,
  integer,
  nullable,
  number,
  object,
  oneOf,
  optional,
  parseJson,
  readJsonFile,
  record,
  text,
} from "../../src/utils/json.ts";

interface Settings {
  readonly name: string;
  readonly steps: number;
  readonly rate: number;
  readonly shuffle: boolean;
  readonly device: "wasm" | "native";
  readonly betas: readonly number[];
  readonly limits: Readonly<Record<string, number>>;
  readonly note: string | null;
  readonly optimizer: { readonly epsilon: number };
}

const settings = object<Settings>({
  name: text(),
  steps: integer({ min: 1 }),
  rate: optional(number({ min: 0, max: 1 }), 0.1),
  shuffle: boolean(),
  device: oneOf(["wasm", "native"]),
  betas: array(number()),
  limits: record(integer()),
  note: nullable(text()),
  optimizer: object({ epsilon: number() }),
});

const GOOD = {
  name: "a",
  steps: 3,
  shuffle: true,
  device: "wasm",
  betas: [0.9, 0.99],
  limits: { memory: 1 },
  note: null,
  optimizer: { epsilon: 1e-8 },
};

Deno.test("decode() keeps a good value and fills in what may be missing", () => {
  assert.deepEqual(decode(settings, GOOD, "run.json"), { ...GOOD, rate: 0.1 });
});

const MISTAKES: Readonly<Record<string, readonly [Record<string, unknown>, RegExp]>> = {
  "an unknown key": [{ stpes: 3 }, /"run\.json": "stpes" is not known; known are "name", "steps"/],
  "a missing key": [{ name: undefined }, /"name" must be a string: it is missing/],
  "a wrong kind": [{ shuffle: "yes" }, /"shuffle" must be true or false: current value is "yes"/],
  "a value below its bound": [{ steps: 0 }, /"steps" must be a whole number of at least 1: .* 0/],
  "a fraction": [{ steps: 1.5 }, /"steps" must be a whole number/],
  "a value outside its bounds": [{ rate: 2 }, /"rate" must be a number from 0 to 1: .* 2/],
  "no number": [{ rate: NaN }, /"rate" must be a number/],
  "none of the choices": [{ device: "gpu" }, /"device" must be one of "wasm", "native"/],
  "an item of an array": [{ betas: [0.9, "x"] }, /"betas\[1\]" must be a number/],
  "a key of a record": [{ limits: { disk: "x" } }, /"limits\.disk" must be a whole number/],
  "a nested key": [{ optimizer: { epsilon: null } }, /"optimizer\.epsilon" must be a number/],
  "a nested unknown key": [{ optimizer: { epsilon: 1, b: 1 } }, /"optimizer\.b" is not known/],
};

for (const [mistake, [change, message]] of Object.entries(MISTAKES)) {
  Deno.test(`decode() names ${mistake}`, () => {
    assert.throws(
      () => decode(settings, { ...GOOD, ...change }, "run.json"),
      (error) => error instanceof UserError && message.test(error.message),
    );
  });
}

Deno.test("decode() refuses arrays and null where an object is wanted", () => {
  for (const json of [[], null, 3, "{}"]) {
    assert.throws(() => decode(anyObject(), json, "config.json"), /its content must be an object/);
  }
});

Deno.test("parseJson() names the source and where the text goes wrong, in one line", () => {
  assert.throws(
    () => parseJson('{\n  "a": 1,\n  b\n}', "config.json"),
    /^UserError: Cannot read "config\.json": it is not valid JSON, .*line 3 column 3.*$/,
  );
});

Deno.test("readJsonFile() says that a file is missing", async () => {
  await assert.rejects(readJsonFile("/nowhere/x.json"), {
    name: "UserError",
    message: 'Cannot read "/nowhere/x.json": there is no such file or folder',
  });
});
