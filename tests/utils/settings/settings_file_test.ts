import assert from "node:assert/strict";
import fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { UserError } from "../../../src/utils/errors.ts";
import {
  parseSettings,
  readSettingsFile,
  type SettingEntry,
} from "../../../src/utils/settings/settings_file.ts";

/** The entries as plain JSON, and the place of every key. */
function plain(
  entries: readonly SettingEntry[],
): { readonly json: Record<string, unknown>; readonly places: Record<string, unknown> } {
  return {
    json: Object.fromEntries(entries.map(({ key, value }) => [key, value])),
    places: Object.fromEntries(
      entries.map(({ key, place, entries }) => [
        key,
        entries === undefined ? place : [place, plain(entries).places],
      ]),
    ),
  };
}

Deno.test("parseSettings() reads JSON with comments, trailing commas and a byte order mark, with places", () => {
  const text = `\uFEFF// mine
{
  "a": 1e-4, /* "b": 2, */ "c": [1, {"d": null}],
  "e": {
    "f": "// no comment",
  },
}
`;
  const { json, places } = plain(parseSettings(text, "x.json").entries);
  assert.deepEqual(json, { a: 1e-4, c: [1, { d: null }], e: { f: "// no comment" } });
  assert.deepEqual(places, {
    a: "x.json:3:3",
    c: "x.json:3:28",
    e: ["x.json:4:3", { f: "x.json:5:5" }],
  });
});

Deno.test("parseSettings() reads YAML with anchors, merges and places", () => {
  const text = `# mine
base: &base
  lr: 1e-4
train:
  <<: *base
  epochs: 2
flow: {a: yes, "b": true}
`;
  const { json, places } = plain(parseSettings(text, "x.yaml").entries);
  assert.deepEqual(json, parseYaml(text, { merge: true }));
  assert.deepEqual(json["train"], { lr: 1e-4, epochs: 2 });
  assert.deepEqual(places["train"], ["x.yaml:4:1", { lr: "x.yaml:4:1", epochs: "x.yaml:6:3" }]);
  assert.deepEqual(places["flow"], ["x.yaml:7:1", { a: "x.yaml:7:8", b: "x.yaml:7:16" }]);
});

Deno.test("parseSettings() tells JSON from YAML by its looks where the name does not", () => {
  assert.deepEqual(plain(parseSettings('{"a": 1,}', "settings").entries).json, { a: 1 });
  assert.deepEqual(plain(parseSettings("a: 1", "settings").entries).json, { a: 1 });
  assert.deepEqual(parseSettings("# nothing yet\n", "x.yml").entries, []);
});

const BROKEN: readonly [name: string, text: string, message: RegExp][] = [
  ["x.json", '{"a": 1,\n "b" 2}', /"x\.json:2:6": it is not valid JSON/],
  ["x.json", '{"a": 1', /"x\.json:1:8": it is not valid JSON/],
  ["x.json", "", /"x\.json:1:1": it is not valid JSON/],
  ["x.json", '{"a": 1,\n"a": 2}', /"x\.json:2:1": "a" is given twice, first at x\.json:1:2/],
  ["x.json", "[1]", /"x\.json" as settings: it must hold keys and values/],
  ["x.yaml", "a: 1\na: 2\n", /"x\.yaml:2:1": it is not valid YAML: Map keys must be unique/],
  ["x.yaml", "a: [1\n", /"x\.yaml:\d:\d": it is not valid YAML/],
  ["x.yaml", "\ta: 1", /"x\.yaml:1:1": it is not valid YAML: Tabs/],
  ["x.yaml", "a: 1\n---\nb: 2\n", /"x\.yaml:2:1": it holds more than one document/],
  ["x.yaml", "a: *b\n", /it is not valid YAML: Unresolved alias/],
  ["x.yaml", `a: ${"[".repeat(100_000)}`, /it is not valid YAML/],
  ["x.json", `{"a": ${"[".repeat(100_000)}`, /it is not valid JSON/],
  ["x.yaml", "just words", /"x\.yaml" as settings: it must hold keys and values/],
];

Deno.test("parseSettings() says in which line and column a file is broken, in one line", () => {
  for (const [name, text, message] of BROKEN) {
    assert.throws(() => parseSettings(text, name), { name: "UserError", message }, text);
  }
});

const WHOLE: Readonly<Record<string, string>> = {
  "x.json":
    '{\n  // mine\n  "a": [1, {"b": -2.5e3}],\n  "c": {"d": null, "e": "\\u00e9 \\n"},\n}\n',
  "x.yaml": "a: &x {b: 1}\nc:\n  <<: *x\n  d: |\n    text\n  ? [e, f]\n  : g # h\n3: !!str 4\n",
};

Deno.test("parseSettings() of files with letters put in, taken out and moved ends, at worst with a line", () => {
  const letters = "{}[]:,\"'#&*!|>-?\n\t /\\.0e\u0000\ud800é<%@`x";
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(WHOLE)),
      fc.array(fc.tuple(fc.nat(100), fc.nat(2), fc.nat(letters.length - 1)), { maxLength: 6 }),
      (name, edits) => {
        let text = WHOLE[name]!;
        for (const [place, taken, put] of edits) {
          const at = place % (text.length + 1);
          text = text.slice(0, at) + letters[put] + text.slice(at + taken);
        }
        try {
          parseSettings(text, name);
        } catch (error) {
          assert.ok(error instanceof UserError, String(error));
          assert.match(error.message, /"x\.(json|yaml)(:\d+:\d+)?"/);
        }
      },
    ),
    { numRuns: 5000, seed: 1 },
  );
});

Deno.test("readSettingsFile() names a file that is not there", async () => {
  await assert.rejects(readSettingsFile("/nowhere/x.yaml"), /"\/nowhere\/x\.yaml".*no such file/);
});
