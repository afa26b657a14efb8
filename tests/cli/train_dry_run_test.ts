import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeTinyModel, writeTokenRows } from "../e2e/tiny_model.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

Deno.test("train --dry-run tells memory, steps and disk for people and as JSON, and writes nothing", async () => {
  await using folder = await temporaryFolder();
  const output = join(folder.path, "run");
  const args = [
    "train",
    "--dry-run",
    ...["--dataset", await writeTokenRows(join(folder.path, "rows.jsonl"), 20)],
    ...["--model", await writeTinyModel(join(folder.path, "model"))],
    ...["--output", output, "--batch-size", "2", "--device", "wasm", "--max-steps", "7"],
  ];
  const human = await runCli(args);
  assert.equal(human.status, 0, human.stderr);
  for (
    const line of [
      /^steps +7 of 2 rows/m,
      /^memory in all +\d/m,
      /^in WebAssembly's heap/m,
      /^verdict +fits$/m,
    ]
  ) {
    assert.match(human.stdout, line);
  }
  const json = await runCli([...args, "--json"]);
  const { kind, plan } = JSON.parse(json.stdout.trim().split("\n").at(-1)!);
  assert.equal(kind, "planned");
  assert.equal(plan.totalSteps, 7);
  assert.equal(plan.effectiveBatch, 2);
  assert.equal(plan.device, "wasm");
  assert.ok(plan.memory.total > plan.memory.parts.weights);
  assert.equal(existsSync(output), false);
});

Deno.test("train refuses what does not fit with the numbers and a remedy, dry run or not", async () => {
  await using folder = await temporaryFolder();
  const output = join(folder.path, "run");
  const args = [
    "train",
    ...["--dataset", await writeTokenRows(join(folder.path, "rows.jsonl"), 20)],
    ...["--model", await writeTinyModel(join(folder.path, "model"))],
    ...["--output", output, "--batch-size", "2000000", "--device", "wasm"],
  ];
  for (const further of [[], ["--dry-run"]]) {
    const { status, stderr } = await runCli([...args, ...further]);
    assert.equal(status, 1);
    assert.match(stderr, /error: Cannot train: it needs .+ GB .*; use --batch-size \d+ /);
    assert.equal(existsSync(join(output, "checkpoints")), false);
  }
});
