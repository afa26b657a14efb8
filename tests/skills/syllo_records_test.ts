import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonDifference } from "../../src/skills/json_difference.ts";
import { type SylloRecordItem, sylloRecordItem, sylloRecords } from "../../src/skills/mod.ts";
import { createRandom, type Random } from "../../src/utils/random.ts";
import type { JsonObject } from "../../src/utils/json.ts";
import { testWithData } from "../shared_data.ts";

const FILE = "datasets/platform_validation/syllo_10level/syllo_eval_10level_20251126_051511.jsonl";
const DATA = { data: FILE };

async function readItems(path: string): Promise<SylloRecordItem[]> {
  const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
  return lines.map((line) => sylloRecordItem(JSON.parse(line) as JsonObject, path));
}

const isRight = (item: SylloRecordItem, text: string) => sylloRecords.score(item, text).correct;

/** Ways to spoil an answer; each returns a text that says something else than the right one. */
const CORRUPTIONS: readonly ((item: SylloRecordItem, random: Random) => string)[] = [
  (it, random) => it.answer.slice(0, 1 + random.integer(it.answer.length - 1)),
  (it) => `\`\`\`json\n${it.answer}\n\`\`\``,
  (it) => `${it.answer} That is all.`,
  (it) => it.words.map((each) => each.join("").toUpperCase()).join(" "),
  (it) => swapWords(it),
  (it, random) => changeLetter(it, random),
  (it) => it.answer.toLowerCase(),
  (it) => JSON.stringify({ answer: JSON.parse(it.answer) }),
  (it) => JSON.stringify({ ...JSON.parse(it.answer), note: 1 }),
  (it) => it.answer.replace(lastWord(it), ""),
];

/** The clues' order: the first two words change places, everything else stays. */
function swapWords({ answer, words }: SylloRecordItem): string {
  const [a, b] = words.map((each) => each.join("").toUpperCase());
  return answer.replaceAll(a!, "\0").replaceAll(b!, a!).replaceAll("\0", b!);
}

function changeLetter({ answer }: SylloRecordItem, random: Random): string {
  const letters = [...answer.matchAll(/[A-Za-z]/g)].map(({ index }) => index);
  const at = letters[random.integer(letters.length)]!;
  const other = String.fromCharCode(answer.charCodeAt(at) ^ 0x20);
  return `${answer.slice(0, at)}${other}${answer.slice(at + 1)}`;
}

function lastWord({ words }: SylloRecordItem): string {
  return words.at(-1)!.join("").toUpperCase();
}

testWithData("sylloRecords.score() finds all 200 recorded answers right", DATA, async (path) => {
  const items = await readItems(path);
  assert.equal(items.length, 200);
  assert.equal(new Set(items.map(({ shape }) => shape)).size, 12);
  for (const item of items) {
    assert.deepEqual(sylloRecords.score(item, item.answer), { correct: true, reason: "correct" });
    assert.ok(isRight(item, JSON.stringify(JSON.parse(item.answer), null, 2)));
  }
});

testWithData("sylloRecords.score() finds 2,000 corrupted answers wrong", DATA, async (path) => {
  const random = createRandom(1);
  let count = 0;
  for (const item of await readItems(path)) {
    for (const [i, corrupt] of CORRUPTIONS.entries()) {
      const text = corrupt(item, random);
      assert.notEqual(text, item.answer);
      assert.equal(isRight(item, text), false, `corruption ${i} of ${item.shape}: ${text}`);
      count++;
    }
  }
  assert.equal(count, 2000);
});

testWithData("sylloRecords.score() has a verdict on any text", DATA, async (path) => {
  const items = (await readItems(path)).slice(0, 60);
  const keys = ["solutions", "sequence", "letters", "report", "answers", "solutions_table", "rows"];
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc.tuple(fc.constantFrom(...keys), fc.json()).map(([key, json]) => `{"${key}": ${json}}`),
    fc.constantFrom("5", "null", '{"solutions":null}', '{"solutions_list":[1]}', "\uD800"),
    fc.constantFrom("[".repeat(5000) + "]".repeat(5000), '{"__proto__":{"solutions":[]}}'),
  );
  fc.assert(
    fc.property(text, fc.constantFrom(...items), (given, item) => {
      assert.equal(isRight(item, given), false);
    }),
    { numRuns: 150 },
  );
});

Deno.test("jsonDifference() takes lists that are unordered in any order, and no others", () => {
  const unordered = new Set(["left"]);
  const wanted = { left: ["a", "b"], right: ["a", "b"] };
  assert.equal(
    jsonDifference({ left: ["b", "a"], right: ["a", "b"] }, wanted, unordered),
    undefined,
  );
  assert.match(
    jsonDifference({ left: ["a", "b"], right: ["b", "a"] }, wanted, unordered)!,
    /right/,
  );
  assert.match(jsonDifference({ left: ["b", "b"], right: ["a", "b"] }, wanted, unordered)!, /left/);
  assert.match(jsonDifference({ left: ["a", "b"] }, wanted)!, /lacks the key `right`/);
});
