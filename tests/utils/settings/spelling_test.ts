import assert from "node:assert/strict";
import { TRAIN_SETTINGS } from "../../../src/cli/settings_sections.ts";
import { findSetting, nearest, suggestSetting } from "../../../src/utils/settings/spelling.ts";

Deno.test("findSetting() takes every spelling of a key, its flag and its aliases", () => {
  const spellings: Readonly<Record<string, string>> = {
    learningRate: "learningRate",
    learning_rate: "learningRate",
    "learning-rate": "learningRate",
    lr: "learningRate",
    lrScheduler: "schedule",
    lr_scheduler_type: "schedule",
    lr_min_rate: "minLrRate",
    num_train_epochs: "epochs",
    per_device_train_batch_size: "batchSize",
    output_dir: "output",
  };
  for (const [name, key] of Object.entries(spellings)) {
    assert.equal(findSetting(name, TRAIN_SETTINGS), key, name);
  }
  assert.equal(findSetting("constructor", TRAIN_SETTINGS), undefined);
  assert.equal(findSetting("__proto__", TRAIN_SETTINGS), undefined);
});

Deno.test("no two settings can be spelt the same", () => {
  const seen = new Map<string, string>();
  for (const [key, { flag, aliases = [] }] of Object.entries(TRAIN_SETTINGS)) {
    for (const name of new Set([key, flag ?? key, ...aliases])) {
      const plain = name.toLowerCase().replaceAll(/[-_]/g, "");
      assert.ok((seen.get(plain) ?? key) === key, `${name} is of ${key} and ${seen.get(plain)}`);
      seen.set(plain, key);
    }
  }
});

Deno.test("suggestSetting() finds what was meant: one letter more, less, other or swapped", () => {
  const misspelt: Readonly<Record<string, string | undefined>> = {
    batchsise: "batchSize",
    batch_sze: "batchSize",
    learningrte: "learningRate",
    epcohs: "epochs",
    lora_rnak: "loraRank",
    modle: "model",
    colour: undefined,
    x: undefined,
  };
  for (const [name, key] of Object.entries(misspelt)) {
    assert.equal(suggestSetting(name, TRAIN_SETTINGS), key, name);
  }
});

Deno.test("nearest() agrees with distances counted by brute force", () => {
  // all words within one edit of "seed", made here one by one
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const words = new Set<string>();
  for (let i = 0; i <= 4; i++) {
    const [head, tail] = ["seed".slice(0, i), "seed".slice(i)];
    words.add(head + tail.slice(1));
    if (tail.length > 1) words.add(head + tail[1] + tail[0] + tail.slice(2));
    for (const letter of letters) {
      words.add(head + letter + tail);
      words.add(head + letter + tail.slice(1));
    }
  }
  for (const word of words) assert.equal(nearest(word, ["seed"]), "seed", word);
  for (const word of ["sd", "abcd", "shuffle"]) assert.equal(nearest(word, ["seed"]), undefined);
});
