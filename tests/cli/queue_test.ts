import assert from "node:assert/strict";
import { join } from "node:path";
import { tokenRows } from "../core/daemon/test_daemon.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

interface ShownJob {
  readonly id: string;
  readonly state: string;
  readonly attempts: number;
  readonly priority: string;
  readonly dataset_sha256: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly is_new?: boolean;
}

Deno.test("queue adds, lists, moves, cancels, retries, shows and forgets jobs without a daemon", async () => {
  await using folder = await temporaryFolder();
  const home = ["--home", join(folder.path, "home")];
  const queue = async (...args: string[]): Promise<ShownJob[]> => {
    const { status, stdout, stderr } = await runCli(["queue", ...args, ...home, "--json"]);
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  };
  const write = async (name: string, text: string) => {
    const path = join(folder.path, name);
    await Deno.writeTextFile(path, text);
    return path;
  };
  const a = await write("a.jsonl", tokenRows(1, 5));
  const b = await write("b.jsonl", tokenRows(2, 5));
  await write("b.json", '{ "epochs": 7, "priority": "low" } // as it says');
  const added = await queue("add", a, b, "--learning-rate", "0.01");
  assert.deepEqual(added.map(({ state, attempts, is_new }) => [state, attempts, is_new]), [
    ["queued", 0, true],
    ["queued", 0, true],
  ]);
  assert.match(added[0]!.dataset_sha256, /^[0-9a-f]{64}$/);
  assert.deepEqual(added.map(({ settings }) => settings), [
    { learningRate: 0.01 },
    { epochs: 7, learningRate: 0.01 },
  ]);
  assert.deepEqual(added.map(({ priority }) => priority), ["normal", "low"]);
  const again = await queue("add", a, "--learning-rate", "0.01");
  assert.deepEqual([again[0]!.id, again[0]!.is_new], [added[0]!.id, false]);
  assert.equal((await queue("add", a, "--learning-rate", "0.01", "--again"))[0]!.is_new, true);
  assert.equal((await queue("add", a))[0]!.is_new, true, "other settings train something else");

  await queue("move", added[1]!.id, "first");
  assert.equal((await queue("list", "--limit", "1"))[0]!.id, added[1]!.id);
  await queue("move", added[1]!.id, "high");
  const [cancelled] = await queue("cancel", added[0]!.id.slice(0, 12));
  assert.equal(cancelled!.state, "cancelled");
  assert.equal((await queue("list", "--state", "cancelled")).length, 1);
  assert.equal((await queue("pause", added[1]!.id))[0]!.state, "paused");
  assert.equal((await queue("resume", added[1]!.id))[0]!.state, "queued");
  assert.equal((await queue("retry", added[0]!.id))[0]!.state, "queued");
  await queue("cancel", added[0]!.id);
  const shown = await runCli(["queue", "show", added[0]!.id, ...home]);
  assert.match(shown.stdout, /^state +cancelled$/m);
  assert.deepEqual((await queue("prune", "--older-than", "0")).map(({ id }) => id), [added[0]!.id]);
  assert.equal((await queue("list")).length, 3);
});

Deno.test("queue says what is wrong in one line", async () => {
  await using folder = await temporaryFolder();
  const home = ["--home", folder.path];
  const bad = join(folder.path, "bad.jsonl");
  await Deno.writeTextFile(bad, '{"messages": []}\n');
  const cases: readonly (readonly [string[], RegExp])[] = [
    [
      ["add", join(folder.path, "none.jsonl")],
      /^error: Cannot queue ".*none.jsonl": there is no such file$/m,
    ],
    [
      ["add", bad],
      /^error: Cannot train on "bad.jsonl": the data cannot be trained on: .*messages/m,
    ],
    [["show", "job-none"], /^error: Cannot find job "job-none": see "queue list"$/m],
    [
      ["move", "job-none", "sideways"],
      /^error: Cannot move a job to "sideways": it must be one of high/m,
    ],
  ];
  for (const [args, message] of cases) {
    const { status, stderr } = await runCli(["queue", ...args, ...home]);
    assert.equal(status, 1);
    assert.match(stderr, message);
  }
  const list = await runCli(["queue", "list", "--state", "failed", ...home]);
  assert.match(list.stdout, /failed +normal +bad.jsonl/);
});
