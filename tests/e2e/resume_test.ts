import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { checkpointsFolder, listCheckpoints } from "../../src/models/checkpoint/list.ts";
import { openCheckpoint } from "../../src/models/checkpoint/open.ts";
import { createRandom } from "../../src/utils/random.ts";
import { cliCommand, runCli, testHome } from "../cli/run_cli.ts";
import { sharedData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import {
  assertOnlyWholeCheckpoints,
  newestOptimizer,
  newestWeights,
  readMetrics,
} from "./checkpoints.ts";
import { interruptAfterStep, type ProgramStart } from "./interrupt.ts";
import { writeTinyModel, writeTokenRows } from "./tiny_model.ts";

const KILLS = 20;
const WASM = ["--device", "wasm", "--threads", "2"];

Deno.test("train saves at Ctrl-C, and a resumed run has the losses and weights of one that was left alone", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const data = await writeTexts(join(path, "data.jsonl"));
  const flags = [
    ...["train", "--json", ...WASM, "--dataset", data],
    ...["--model", sharedData("models/TinyStories-656K") ?? "demo"],
    ...["--batch-size", "2", "--gradient-accumulation-steps", "2", "--max-length", "32"],
    ...["--learning-rate", "1e-3", "--max-steps", "40"],
  ];
  const alone = join(path, "alone");
  const undisturbed = await runCli([...flags, "--output", alone]);
  assert.equal(undisturbed.status, 0, undisturbed.stderr);
  const started = undisturbed.stdout.split("\n").find((line) => line.includes('"started"'));
  const { examples } = JSON.parse(started!).data;
  assert.equal(examples % 4, 3, "the last step of an epoch accumulates less");

  const output = join(path, "run");
  const resume = ["train", "--json", "--resume", "--output", output];
  const interrupted = await interruptAfterStep(3, command([...flags, "--output", output]));
  assert.equal(interrupted, 130);
  assert.equal(await assertOnlyWholeCheckpoints(output), 1);
  assert.ok((await readMetrics(output)).length < 40, "it was interrupted before its end");
  const again = await interruptAfterStep(5, command(resume));
  assert.equal(again, 130);
  const resumed = await runCli(resume);
  assert.equal(resumed.status, 0, resumed.stderr);
  assert.deepEqual(await readMetrics(output), await readMetrics(alone));
  assert.deepEqual(await newestWeights(output), await newestWeights(alone));
});

Deno.test(`train killed at ${KILLS} random moments ends with the weights of a run that was left alone`, async (test) => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const data = await writeTokenRows(join(path, "data.jsonl"), 46);
  const model = await writeTinyModel(join(path, "model"));
  const flags = [
    ...["train", ...WASM, "--dataset", data, "--model", model],
    ...["--batch-size", "3", "--gradient-accumulation-steps", "4"],
    ...["--learning-rate", "1e-2", "--max-steps", "60"],
    ...["--save-steps", "5", "--keep-checkpoints", "2", "--resume"],
  ];
  const alone = join(path, "alone");
  const startedMs = performance.now();
  const undisturbed = await runCli([...flags, "--output", alone]);
  const durationMs = performance.now() - startedMs;
  assert.equal(undisturbed.status, 0, undisturbed.stderr);

  const random = createRandom(5);
  let kills = 0;
  for (let run = 1; kills < KILLS; run++) {
    await test.step(`run ${run}`, async () => {
      const output = join(path, `run-${run}`);
      for (;;) {
        const moment = kills < KILLS ? random.next() * durationMs : undefined;
        const { killed, code, stderr } = await runAndKill([...flags, "--output", output], moment);
        for (const { path } of await listCheckpoints(output)) (await openCheckpoint(path)).close();
        if (!killed) {
          assert.equal(code, 0, stderr);
          break;
        }
        kills++;
      }
      await assertOnlyWholeCheckpoints(output);
      assert.deepEqual(await readMetrics(output), await readMetrics(alone));
      assert.deepEqual(await newestWeights(output), await newestWeights(alone));
    });
  }
});

for (const [optimizer, device] of [["muon", "wasm"], ["adafactor", "native"]] as const) {
  Deno.test(`train --optimizer ${optimizer} goes on from its state, noise and moving average as if it had not stopped`, async () => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    const data = await writeTokenRows(join(path, "data.jsonl"), 30);
    const model = await writeTinyModel(join(path, "model"));
    const flags = [
      ...["train", "--json", "--dataset", data, "--model", model, "--device", device],
      ...["--threads", "2", "--batch-size", "3", "--gradient-accumulation-steps", "2"],
      ...["--optimizer", optimizer, "--learning-rate", "3e-3", "--lr-scheduler", "wsd"],
      ...["--warmup-steps", "2", "--lr-decay-steps", "0", "--label-smoothing", "0.1"],
      ...["--neftune-alpha", "5", "--ema-decay", "0.8", "--adafactor-beta1", "0.9"],
      ...["--eval-split", "0.2", "--eval-steps", "2", "--early-stopping-patience", "50"],
    ];
    const alone = join(path, "alone");
    const undisturbed = await runCli([...flags, "--output", alone, "--max-steps", "8"]);
    assert.equal(undisturbed.status, 0, undisturbed.stderr);
    const output = join(path, "run");
    const first = await runCli([...flags, "--output", output, "--max-steps", "4"]);
    assert.equal(first.status, 0, first.stderr);
    const resume = ["train", "--resume", "--output", output, "--max-steps", "8"];
    const refused = await runCli([...resume, "--optimizer", "lion"]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /^error: Cannot resume from .*another optimizer/m);
    const resumed = await runCli(resume);
    assert.equal(resumed.status, 0, resumed.stderr);
    assert.deepEqual(await readMetrics(output), await readMetrics(alone));
    assert.deepEqual(await newestWeights(output), await newestWeights(alone));
    assert.deepEqual(await newestOptimizer(output), await newestOptimizer(alone));
  });
}

Deno.test("train stops when evaluations do not become better, and keeps and names the best checkpoint", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const data = await writeTokenRows(join(path, "data.jsonl"), 12);
  const model = await writeTinyModel(join(path, "model"));
  const output = join(path, "run");
  const flags = [
    ...["train", "--json", "--dataset", data, "--model", model, "--device", "native"],
    ...["--output", output, "--batch-size", "4", "--learning-rate", "1e-2", "--epochs", "100"],
  ];
  const refused = await runCli([...flags, "--early-stopping-patience", "2"]);
  assert.match(refused.stderr, /^error: Cannot stop early without evaluations: give --eval-split/m);
  const { status, stdout, stderr } = await runCli([
    ...flags,
    ...["--eval-split", "0.25", "--early-stopping-patience", "2", "--keep-checkpoints", "1"],
  ]);
  assert.equal(status, 0, stderr);
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const { kind, step, best } = events.at(-1);
  assert.equal(kind, "stopped");
  const evaluations = events.flatMap(({ metrics }) => metrics?.eval_loss ?? []);
  assert.equal(best.loss, Math.min(...evaluations));
  assert.equal(evaluations.at(-3), best.loss, "two evaluations came after the best");
  const kept = await listCheckpoints(output);
  assert.deepEqual(kept.map(({ step }) => step), [best.step, step]);
  assert.equal(best.path, kept[0]!.path);
  const resumed = await runCli(["train", "--json", "--resume", "--output", output]);
  assert.equal(resumed.status, 0, resumed.stderr);
  assert.equal(JSON.parse(resumed.stdout.trimEnd().split("\n").at(-1)!).step, step);
});

Deno.test("train removes what a kill after its last step left of an old checkpoint", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const data = await writeTokenRows(join(path, "data.jsonl"), 12);
  const model = await writeTinyModel(join(path, "model"));
  const output = join(path, "run");
  const flags = [
    ...["train", "--dataset", data, "--model", model, "--device", "native", "--output", output],
    ...["--batch-size", "4", "--max-steps", "2", "--save-steps", "1", "--resume"],
  ];
  assert.equal((await runCli(flags)).status, 0);
  const checkpoints = checkpointsFolder(output);
  await Deno.rename(join(checkpoints, "checkpoint-1"), join(checkpoints, ".checkpoint-1.part"));
  const { status, stderr } = await runCli(flags);
  assert.equal(status, 0, stderr);
  assert.equal(await assertOnlyWholeCheckpoints(output), 1);
});

for (const rate of ["1e30", "1e39"]) {
  Deno.test(`train fails at the learning rate ${rate}, and keeps its last checkpoint`, async () => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    const data = await writeTokenRows(join(path, "data.jsonl"), 12);
    const model = await writeTinyModel(join(path, "model"));
    const output = join(path, "run");
    const good = await runCli([
      ...["train", "--dataset", data, "--model", model, "--device", "native", "--output", output],
      ...["--lr-scheduler", "constant", "--warmup-steps", "0", "--max-grad-norm", "0"],
      ...["--batch-size", "4", "--max-steps", "2", "--save-steps", "1"],
    ]);
    assert.equal(good.status, 0, good.stderr);
    const weights = await newestWeights(output);
    const { status, stderr } = await runCli([
      ...["train", "--resume", "--output", output, "--learning-rate", rate, "--max-steps", "9"],
      ...["--save-steps", "5"],
    ]);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^error: Cannot .* step \d: .*(NaN|Infinity|infinite).*--learning-rate.*$/m,
    );
    assert.equal(await assertOnlyWholeCheckpoints(output), 2);
    assert.deepEqual(await newestWeights(output), weights);
    const events = (await Deno.readTextFile(join(output, "events.jsonl"))).trimEnd().split("\n");
    assert.equal(JSON.parse(events.at(-1)!).event, "failed");
  });
}

Deno.test("train does not save weights that have become infinite", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const data = await writeTokenRows(join(path, "data.jsonl"), 12);
  const model = await writeTinyModel(join(path, "model"));
  const output = join(path, "run");
  const { status, stderr } = await runCli([
    ...["train", "--dataset", data, "--model", model, "--device", "native", "--output", output],
    ...["--learning-rate", "1e39", "--warmup-steps", "0", "--save-steps", "1"],
  ]);
  assert.equal(status, 1);
  assert.match(stderr, /^error: Cannot save step 1: .*Lower --learning-rate$/m);
  assert.equal((await listCheckpoints(output)).length, 0);
});

Deno.test("train fails on a model that holds an infinite weight, and saves nothing", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const data = await writeTokenRows(join(path, "data.jsonl"), 12);
  const model = await writeTinyModel(join(path, "model"), {
    change: (name, weights) => name === "lm_head.weight" && (weights[3] = Infinity),
  });
  const output = join(path, "run");
  const { status, stderr } = await runCli([
    ...["train", "--dataset", data, "--model", model, "--device", "native", "--output", output],
  ]);
  assert.equal(status, 1);
  assert.match(stderr, /^error: .*(NaN|infinite|Infinity).*$/m);
  assert.equal((await listCheckpoints(output)).length, 0);
});

function command(args: readonly string[]): ProgramStart {
  const [program, ...head] = cliCommand();
  return { program, args: [...head, ...args] };
}

/** Runs the program and kills it after `afterMs`, if that is given and it has not ended by then. */
async function runAndKill(
  args: readonly string[],
  afterMs: number | undefined,
): Promise<{ killed: boolean; code: number; stderr: string }> {
  const { program, args: all } = command(args);
  const child = new Deno.Command(program, {
    args: [...all],
    env: { LLM_TRAINING_HOME: testHome() },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // it has just ended
    }
  };
  const timer = afterMs === undefined ? undefined : setTimeout(kill, afterMs);
  const { signal, code, stderr } = await child.output();
  clearTimeout(timer);
  return { killed: signal === "SIGKILL", code, stderr: new TextDecoder().decode(stderr) };
}

/** Writes the beginnings of 15 conversations of the example data as rows of text, each short enough for one example. */
async function writeTexts(path: string): Promise<string> {
  const example = fileURLToPath(new URL("../../data/tiny_world.jsonl", import.meta.url));
  const rows = (await Deno.readTextFile(example)).split("\n").slice(0, 15).map((line) => {
    const [question, answer] = JSON.parse(line).messages;
    return JSON.stringify({ text: `${question.content} ${answer.content}`.slice(0, 28) });
  });
  await Deno.writeTextFile(path, rows.join("\n"));
  return path;
}
