import assert from "node:assert/strict";
import { trainBpe } from "../../src/models/tokenizer/bpe_trainer.ts";
import { createTokenizer } from "../../src/models/tokenizer/load_tokenizer.ts";
import { findPreset } from "../../src/models/presets.ts";
import { createRandom, formatRow, generateItems, tinyWorld } from "../../src/skills/mod.ts";

Deno.test("tinyWorld.generate() fits the demo's vocabulary and context", () => {
  const config = findPreset("demo")!.config;
  const rows = [...generateItems(tinyWorld, { count: 3000, seed: 1, level: 3 })];
  const texts = rows.map((item) => String(formatRow(item, "text").text));
  const tokenizer = createTokenizer(trainBpe({ texts, vocabSize: Number(config.vocab_size) }));
  const words = new Set(texts.flatMap((text) => text.match(/ \p{L}+/gu) ?? []));
  for (const word of words) assert.equal(tokenizer.encode(word).length, 1, word);
  const lengths = rows.map((item) => tokenizer.encode(String(formatRow(item, "text").text)).length);
  // five tokens frame each turn
  const turns = rows.map((item) => item.history.length + 2);
  const longest = Math.max(...lengths.map((length, i) => length + 5 * turns[i]!));
  assert.ok(longest <= Number(config.max_position_embeddings), `${longest} tokens`);
});

Deno.test("tinyWorld.generate() answers sums, copies and questions about its stories right", () => {
  const random = createRandom(9);
  const checks = { sum: 0, difference: 0, colour: 0, gift: 0, found: 0 };
  for (let i = 0; i < 4000; i++) {
    const item = tinyWorld.generate(random, 3);
    const turns = [...item.history.map(({ content }) => content), item.prompt, item.answer];
    for (let at = 0; at < turns.length; at += 2) {
      const [question, answer] = [turns[at]!, turns[at + 1]!];
      const [, a, sign, b] = /^What is (\d) (plus|minus) (\d)\?$/.exec(question) ?? [];
      if (sign !== undefined) {
        const result = sign === "plus" ? Number(a) + Number(b) : Number(a) - Number(b);
        assert.equal(answer, `${a} ${sign} ${b} is ${result}.`);
        checks[sign === "plus" ? "sum" : "difference"]++;
      }
      const [, shade, thing] = /^\w+ has a (\w+) (\w+)\. What colour is the \2\?$/.exec(question) ??
        [];
      if (thing !== undefined) {
        assert.equal(answer, `The ${thing} is ${shade}.`);
        checks.colour++;
      }
      const [, before, more] = / has (\d) \w+\. .* gives \w+ (\d) /.exec(question) ?? [];
      if (more !== undefined) {
        assert.match(answer, new RegExp(` ${Number(before) + Number(more)} `));
        checks.gift++;
      }
      if (/^What did \w+ find\?$/.test(question)) {
        const found = /There (?:he|she) (found a \w+ \w+)\./.exec(turns.slice(0, at).join(" "))
          ?.[1];
        assert.ok(answer.endsWith(`${found}.`), answer);
        checks.found++;
      }
    }
  }
  for (const [check, count] of Object.entries(checks)) assert.ok(count > 20, `${check}: ${count}`);
});

Deno.test("tinyWorld.score() lets stories differ but not answers", () => {
  const fact = { history: [], prompt: "", answer: "A cow says moo.", mustMention: [] };
  assert.equal(tinyWorld.score(fact, "A cow says moo.\n").correct, true);
  assert.equal(tinyWorld.score(fact, "A cow says moo").correct, false);
  const story = { ...fact, answer: "x", mustMention: ["cat"] };
  const told = "There was a cat. It was red. It sang. All clapped.";
  assert.equal(tinyWorld.score(story, told).correct, true);
  assert.match(tinyWorld.score(story, told.replace("cat", "catalogue")).reason, /mention "cat"/);
  assert.match(tinyWorld.score(story, "A cat. A cat.").reason, /fewer than four/);
  assert.match(tinyWorld.score(story, `${told} And then`).reason, /within a sentence/);
});
