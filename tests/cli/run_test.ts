import assert from "node:assert/strict";
import { join } from "node:path";
import { readJsonLines } from "../../src/monitoring/runs/json_lines.ts";
import { readRun } from "../../src/monitoring/runs/read_run.ts";
import { readEvent } from "../../src/monitoring/trackers/tensorboard_events.ts";
import { decodeRecords } from "../../src/monitoring/trackers/tfrecord.ts";
import { listCheckpoints } from "../../src/models/checkpoint/list.ts";
import { writeTinyModel, writeTokenRows } from "../e2e/tiny_model.ts";
import { madeStep, makeRun } from "../monitoring/made_run.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { cliCommand, runCli } from "./run_cli.ts";

Deno.test("run list, show, plot and compare tell of the runs that train made", async () => {
  await using folder = await temporaryFolder();
  const { path: home } = folder;
  const data = join(home, "words.jsonl");
  const rows = Array.from(
    { length: 24 },
    (_, i) => JSON.stringify({ text: `cat ${i} sat on ${i}` }),
  );
  await Deno.writeTextFile(data, rows.join("\n"));
  const prompts = join(home, "prompts.txt");
  await Deno.writeTextFile(prompts, '\n{"prompt": "sat"}\n"on"\n');
  const env = { LLM_TRAINING_HOME: home };
  const flags = [
    ...["train", "--dataset", data, "--model", "demo", "--device", "native", "--threads", "1"],
    ...["--batch-size", "4", "--max-length", "16", "--eval-split", "0.2", "--eval-steps", "3"],
    ...["--max-steps", "6"],
  ];
  const first = join(home, "runs", "first");
  const sampled = ["--sample-prompt", "cat", "--sample-prompts", prompts, "--sample-steps", "4"];
  for (
    const args of [
      [...flags, ...sampled, "--output", first],
      [...flags, "--seed", "7"],
    ]
  ) {
    const { status, stderr } = await runCli(args, { env });
    assert.equal(status, 0, stderr);
  }
  const cli = async (...args: string[]) => {
    const { status, stdout, stderr } = await runCli(["run", ...args], { env });
    assert.equal(status, 0, stderr);
    return stdout;
  };

  const { runs } = JSON.parse(await cli("list", "--json"));
  assert.equal(runs.length, 2);
  const metrics = readJsonLines(join(first, "metrics.jsonl")) as { loss: number }[];
  const listed = runs.find(({ id }: { id: string }) => id === "first");
  assert.equal(listed.state, "finished");
  assert.deepEqual([listed.step, listed.total_steps], [6, 6]);
  assert.equal(listed.loss, metrics.at(-1)!.loss);
  assert.equal(listed.model, "demo");
  assert.equal(listed.dataset, "words.jsonl");
  const table = (await cli("list", "--home", home)).split("\n");
  assert.match(table[0]!, /^run +state +steps +loss +best eval +model +data +started$/);
  assert.match(table[1]!, /^\d{8}T\d{6}-demo-words +finished +6\/6 /, "the newest first");

  const shown = JSON.parse(await cli("show", "fir", "--json"));
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", await Deno.readFile(data)),
  ).toHex();
  assert.deepEqual(
    shown.info.data.map((
      { role, sha256, rows, examples }: Record<string, unknown>,
    ) => [role, sha256, rows, examples]),
    [["train", digest, 24, 19], ["eval", digest, 24, 5]],
  );
  assert.equal(shown.info.versions.deno, Deno.version.deno);
  assert.equal(shown.info.device, "native");
  assert.equal(shown.config.maxSteps, 6);
  const samples = shown.samples as { step: number; prompt: string }[];
  assert.deepEqual(
    samples.map(({ step, prompt }) => `${step} ${prompt}`),
    [0, 4, 6].flatMap((step) => ["cat", "sat", "on"].map((prompt) => `${step} ${prompt}`)),
  );
  assert.deepEqual(
    shown.events.map(({ event }: { event: string }) => event).filter((it: string) =>
      it !== "sample"
    ),
    ["started", "evaluated", "saved", "evaluated", "saved", "finished"],
  );
  const text = await cli("show", "first");
  for (
    const part of ["finished", digest.slice(0, 12), "learningRate", "eval_loss", "(best)", "cat → "]
  ) {
    assert.ok(text.includes(part), part);
  }

  assert.match(
    await cli("plot", "first", "--width", "50"),
    /^loss, eval_loss of first\n[^]*○ eval_loss/,
  );
  const png = join(home, "plot.png");
  const svg = join(home, "plot.svg");
  const other = runs.find(({ id }: { id: string }) => id !== "first").id;
  const files = ["--png", png, "--svg", svg, "--smooth", "0.5"];
  assert.equal(await cli("plot", "first", other, "--metric", "grad_norm", ...files), "");
  assert.match(await Deno.readTextFile(svg), /<title>grad_norm of 2 runs<[^]*>first<[^]*>20/);
  assert.equal((await Deno.readFile(png))[1], "P".charCodeAt(0));

  const compared = JSON.parse(await cli("compare", first, other, "--json"));
  const names = compared.settings.map(({ name }: { name: string }) => name);
  assert.deepEqual(names.sort(), ["samplePrompts", "sampleSteps", "seed"]);
  assert.equal(compared.steps.loss.length, 6);
  assert.match(
    await cli("compare", first, other),
    /settings that differ:\n.*\n(?:.*\n)*? {2}seed +0 +7\n/,
  );
  const unknown = await runCli(["run", "show", "nothing"], { env });
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /^error: Cannot find run "nothing" in .*"first"/);
});

Deno.test("a run is running while its process lives, interrupted once it is killed, and no other may write to it", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const data = await writeTokenRows(join(path, "data.jsonl"), 20);
  const model = await writeTinyModel(join(path, "model"));
  const output = join(path, "run");
  const flags = [
    ...["train", "--dataset", data, "--model", model, "--device", "native", "--threads", "1"],
    ...["--output", output, "--max-steps", "1000000"],
  ];
  const [program, ...head] = cliCommand();
  const child = new Deno.Command(program, {
    args: [...head, ...flags, "--json"],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let second: Awaited<ReturnType<typeof runCli>> | undefined;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    if (!text.includes('"step"') || second !== undefined) continue;
    assert.equal((await readRun(output)).state, "running");
    second = await runCli([...flags, "--resume"]);
    child.kill("SIGKILL");
  }
  await child.status;
  assert.equal(second?.status, 1);
  assert.match(
    second!.stderr,
    new RegExp(`^error: Cannot train in .*another process does .*process ${child.pid} on`, "m"),
  );
  assert.equal((await readRun(output)).state, "interrupted");
});

Deno.test("a tracker that cannot be reached costs a run one warning and an event", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const data = await writeTokenRows(join(path, "data.jsonl"), 20);
  const model = await writeTinyModel(join(path, "model"));
  const flags = [
    ...["train", "--dataset", data, "--model", model, "--device", "native", "--threads", "1"],
    ...["--max-steps", "8", "--batch-size", "2"],
  ];
  const alone = await runCli([...flags, "--output", join(path, "alone")]);
  assert.equal(alone.status, 0, alone.stderr);
  const nowhere = `mlflow=http://127.0.0.1:${freePort()}`;
  const output = join(path, "tracked");
  const tracked = await runCli([...flags, "--output", output, "--tracker", nowhere]);
  assert.equal(tracked.status, 0, tracked.stderr);
  const warnings = tracked.stderr.split("\n").filter((line) => line.includes("tracker"));
  assert.equal(warnings.length, 1, tracked.stderr);
  assert.match(
    warnings[0]!,
    /^warning: tracker mlflow: http:.* cannot be reached: .*refused; the run goes on/i,
  );
  const { events, metrics, state } = await readRun(output);
  assert.equal(state, "finished");
  assert.deepEqual(events.flatMap(({ event, tracker }) => event === "tracker" ? [tracker] : []), [
    "mlflow",
  ]);
  const losses = (await readRun(join(path, "alone"))).metrics.map(({ loss }) => loss);
  assert.deepEqual(metrics.map(({ loss }) => loss), losses);
  for (
    const [args, message] of [
      [
        ["--tracker", "comet"],
        /^error: Cannot use tracker "comet": choose one of tensorboard, mlflow, wandb/,
      ],
      [["--tracker", "mlflow"], /^error: Cannot use tracker mlflow: .*MLFLOW_TRACKING_URI/],
    ] as const
  ) {
    const refused = await runCli([...flags, "--output", join(path, "refused"), ...args], {
      env: { MLFLOW_TRACKING_URI: "" },
    });
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, message);
  }
});

Deno.test("train keeps the best checkpoint apart from the newest, and no more than asked for", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const data = await writeTokenRows(join(path, "data.jsonl"), 12);
  const model = await writeTinyModel(join(path, "model"));
  const flags = [
    ...["train", "--dataset", data, "--model", model, "--device", "native", "--threads", "1"],
    // it learns the few rows by heart, and what is held out becomes worse
    ...["--batch-size", "4", "--learning-rate", "3e-2", "--max-steps", "40", "--eval-split", "0.3"],
    ...["--eval-steps", "2", "--save-steps", "15"],
  ];
  for (const [keep, others] of [[[], [15, 30, 40]], [["--keep-checkpoints", "1"], [40]]] as const) {
    const output = join(path, `run${keep.length}`);
    const { status, stderr } = await runCli([...flags, ...keep, "--output", output]);
    assert.equal(status, 0, stderr);
    const { best } = await readRun(output);
    assert.ok(best!.step < 40, "the last is not the best");
    assert.ok(best!.checkpoint !== undefined);
    const steps = (await listCheckpoints(output)).map(({ step }) => step);
    assert.deepEqual(steps, [...new Set([...others, best!.step])].sort((a, b) => a - b));
  }
  const without = join(path, "without");
  await runCli([...flags, "--no-save-best", "--output", without]);
  assert.deepEqual((await listCheckpoints(without)).map(({ step }) => step), [15, 30, 40]);
});

Deno.test("a run that fails says why, and run sync sends what a tracker does not have", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const data = await writeTokenRows(join(path, "data.jsonl"), 12);
  const model = await writeTinyModel(join(path, "model"));
  const output = join(path, "run");
  const failing = await runCli([
    ...["train", "--dataset", data, "--model", model, "--device", "native", "--threads", "1"],
    ...["--learning-rate", "1e39", "--max-steps", "9", "--output", output],
  ]);
  assert.equal(failing.status, 1);
  const { state, error, metrics } = await readRun(output);
  assert.equal(state, "failed");
  assert.ok(failing.stderr.includes(error!), failing.stderr);
  const logs = join(path, "logs");
  for (let i = 0; i < 2; i++) {
    const synced = await runCli(["run", "sync", output, "--tracker", `tensorboard=${logs}`]);
    assert.equal(synced.status, 0, synced.stderr);
  }
  const files = await Array.fromAsync(Deno.readDir(join(logs, "run")), ({ name }) => name);
  const steps = (await Promise.all(files.map((name) => Deno.readFile(join(logs, "run", name)))))
    .flatMap((bytes) => [...decodeRecords(bytes)].map(readEvent))
    .flatMap(({ step, tags }) => tags.includes("loss") ? [step] : []);
  assert.deepEqual(steps, metrics.map(({ step }) => step));
  const nowhere = await runCli(["run", "sync", output]);
  assert.match(nowhere.stderr, /^error: Cannot sync .*it has no trackers; name one by --tracker/);
});

Deno.test("run list reads runs of before, and those that never made a step", async () => {
  await using folder = await temporaryFolder();
  const runs = join(folder.path, "runs");
  const old = join(runs, "old");
  await Deno.mkdir(old, { recursive: true });
  const { step, loss } = madeStep(3);
  await Deno.writeTextFile(join(old, "metrics.jsonl"), `${JSON.stringify({ step, loss })}\n`);
  (await makeRun(join(runs, "new"))).log[Symbol.dispose]();
  const { status, stdout, stderr } = await runCli(["run", "list", "--home", folder.path]);
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /\nnew +interrupted +0\/20 +– +– +demo +data\.jsonl .*\nold +interrupted +3 +2\.4094 +– +– +– +–\n$/,
  );
  const show = await runCli(["run", "show", "old", "--home", folder.path]);
  assert.equal(show.status, 0, show.stderr);
  const plot = await runCli(["run", "plot", "new", "--home", folder.path]);
  assert.match(plot.stderr, /^error: Cannot plot loss, eval_loss: no step of "new" has it yet/);
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
