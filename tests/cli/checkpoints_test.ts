import assert from "node:assert/strict";
import { join } from "node:path";
import { writeTinyModel, writeTokenRows } from "../e2e/tiny_model.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

/** Trains a run of 6 steps with a checkpoint after each two, in a home. */
async function trainedHome(home: string): Promise<string> {
  const model = await writeTinyModel(join(home, "models", "tiny"));
  const rows = await writeTokenRows(join(home, "rows.jsonl"), 24);
  const output = join(home, "runs", "a");
  const { status, stderr } = await runCli([
    ...["train", "--dataset", rows, "--model", model, "--output", output, "--device", "wasm"],
    ...["--max-steps", "6", "--save-steps", "2", "--eval-split", "0.2", "--eval-steps", "2"],
    ...["--batch-size", "4", "--threads", "1"],
  ]);
  assert.equal(status, 0, stderr);
  return output;
}

Deno.test("checkpoints lists, pins, plans and prunes what train has written, and resume says what is gone", async () => {
  await using home = await temporaryFolder();
  const run = await trainedHome(home.path);
  await Deno.writeTextFile(
    join(home.path, "llm-training.json"),
    '{"retention": {"minAgeHours": 0, "maxAgeHours": 0, "bestMetrics": ["eval_loss"]}}',
  );
  const call = async (...args: string[]) => {
    const [command, ...rest] = args;
    return await runCli(["checkpoints", command!, "--home", home.path, ...rest]);
  };
  const json = async (...args: string[]) => JSON.parse((await call(...args, "--json")).stdout);

  const { checkpoints } = await json("list");
  assert.deepEqual(checkpoints.map(({ id }: { id: string }) => id), [
    ...["a/checkpoint-2", "a/checkpoint-4", "a/checkpoint-6"],
  ]);
  assert.ok(
    checkpoints.every((each: { resumable: boolean; optimizer_bytes: number }) =>
      each.resumable && each.optimizer_bytes > 0
    ),
  );
  assert.match((await call("list")).stdout, /^a\/checkpoint-2 .* kB [^]*^3 checkpoints, /m);
  assert.match((await call("pin", "a/2", "--note", "mine")).stdout, /^pinned a\/checkpoint-2\n$/);
  assert.equal((await json("show", "a/checkpoint-2")).reasons[0], "pinned: mine");
  assert.match(
    (await call("show", join(run, "checkpoints", "checkpoint-2"))).stdout,
    /prune would/,
  );

  const dry = await call("prune", "--dry-run");
  assert.match(dry.stdout, /^keep +a\/checkpoint-2 .*pinned: mine/m);
  assert.match(dry.stdout, /would free /);
  const before = (await json("list")).checkpoints.length;
  assert.equal(before, 3);
  const refused = await call("prune", "a/2");
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /Cannot remove "a\/checkpoint-2": it is protected \(pinned: mine/);
  const done = await json("prune");
  assert.ok(done.checkpoints.every((each: { reasons: string[] }) => each.reasons.length > 0));
  const kept = (await json("list")).checkpoints.map(({ step }: { step: number }) => step);
  assert.ok(kept.includes(2) && kept.includes(6), `${kept}`);
  assert.equal(done.freed_bytes > 0, kept.length < 3);

  const dropped = await json("prune", "a", "--drop-optimizer");
  assert.equal(dropped.checkpoints.at(-1).action, "drop_optimizer");
  const resumed = await runCli(["train", "--resume", "--output", run, "--max-steps", "8"]);
  assert.equal(resumed.status, 1);
  assert.match(
    resumed.stderr,
    /Cannot resume from .*checkpoint-6": the state of its optimizer was/,
  );
  const info = await runCli(["model", "info", run]);
  assert.equal(info.status, 0, info.stderr);
  assert.match((await call("unpin", "a/2")).stdout, /^unpinned/);
  assert.equal((await call("unpin", "a/2")).status, 1);
});

Deno.test("checkpoints of an empty home are none, and a name that is none is told", async () => {
  await using home = await temporaryFolder();
  const at = ["--home", home.path];
  assert.equal(
    (await runCli(["checkpoints", "list", ...at])).stdout,
    "There are no checkpoints.\n",
  );
  assert.equal((await runCli(["checkpoints", "prune", ...at])).status, 0);
  const shown = await runCli(["checkpoints", "show", "b", ...at]);
  assert.match(shown.stderr, /^error: Cannot find checkpoint "b": .* the home has no runs\n$/);
});
