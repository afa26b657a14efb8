import assert from "node:assert/strict";
import { join } from "node:path";
import { writeTinyModel, writeTokenRows } from "../e2e/tiny_model.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { type CliResult, runCli, type RunCliOptions } from "./run_cli.ts";

type Printed = Readonly<
  Record<string, { readonly value: unknown; readonly source: string; readonly place?: string }>
>;

/** A home with settings and a folder of files beside it. */
async function makeHome(path: string, settings: string): Promise<RunCliOptions> {
  const home = join(path, "home");
  await Deno.mkdir(home);
  await Deno.writeTextFile(join(home, "llm-training.json"), settings);
  return { env: { LLM_TRAINING_HOME: home } };
}

async function printConfig(
  args: readonly string[],
  options: RunCliOptions,
): Promise<CliResult & { readonly settings: Printed }> {
  const result = await runCli([...args, "--print-config", "--json"], options);
  assert.equal(result.status, 0, result.stderr);
  return { ...result, settings: JSON.parse(result.stdout) };
}

Deno.test("train takes a flag before --config before the home before the default, and says so", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const options = await makeHome(
    path,
    `{ // mine
  "model": "1m", "batchSize": 4, "seed": 1, "epochs": 9,
  "train": { "epochs": 8 }, "serve": { "port": 1234 }, "retention": { "whatever": 1 },
}`,
  );
  const config = join(path, "run.yaml");
  await Deno.writeTextFile(config, "dataset: data.jsonl\nbatchSize: 5\nseed: 2\n");
  const args = ["train", "--config", config, "--seed", "3"];
  const { settings, stderr } = await printConfig(args, options);
  const home = join(path, "home", "llm-training.json");
  assert.equal(stderr, "");
  assert.deepEqual(
    [settings["seed"], settings["batchSize"], settings["model"], settings["epochs"]],
    [
      { value: 3, source: "flag", place: "--seed" },
      { value: 5, source: "config", place: `${config}:2:1` },
      { value: "1m", source: "home", place: `${home}:2:3` },
      { value: 8, source: "home", place: `${home}:3:14` },
    ],
  );
  assert.deepEqual(settings["dataset"]?.value, join(path, "data.jsonl"));
  assert.deepEqual(settings["weightDecay"], { value: 0.01, source: "default" });

  const table = await runCli([...args, "--print-config"], options);
  assert.match(table.stdout, /^seed +3 +flag --seed$/m);
  assert.match(table.stdout, /^learningRate +\(1e-3 from scratch.*\) +default$/m);
  const served = await printConfig(["serve", "--config", config, "--port", "0"], options);
  assert.deepEqual(served.settings["model"]?.source, "home");
  assert.deepEqual(served.settings["port"], { value: 0, source: "flag", place: "--port" });
  const shown = await runCli(["config", "show", "serve", "--json"], options);
  assert.equal(JSON.parse(shown.stdout).port.value, 1234);
});

Deno.test("train --dataset takes several files, by commas, by several flags and as a list", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const options = await makeHome(path, "{}");
  const config = join(path, "run.yaml");
  await Deno.writeTextFile(config, "dataset: [a.jsonl, more/b.csv:0.5]\nformat: chosen\n");
  const fromFile = await printConfig(["train", "--config", config], options);
  const absolute = (...names: readonly string[]) => names.map((name) => join(path, name)).join(",");
  assert.equal(fromFile.settings["dataset"]?.value, absolute("a.jsonl", "more/b.csv:0.5"));
  assert.equal(fromFile.settings["format"]?.value, "chosen");
  const args = ["train", "--dataset", absolute("a.jsonl", "b/:2"), "--dataset", absolute("c.txt")];
  const fromFlags = await printConfig(args, options);
  assert.equal(fromFlags.settings["dataset"]?.value, absolute("a.jsonl", "b:2", "c.txt"));
});

Deno.test("train --config is all it takes, and a run's config.json is such a file", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await writeTokenRows(join(path, "rows.jsonl"), 12);
  await writeTinyModel(join(path, "tiny"));
  const config = join(path, "run.yaml");
  await Deno.writeTextFile(
    config,
    "dataset: rows.jsonl\nmodel: tiny\noutput: out\ndevice: wasm\nmax_steps: 2\nbatch_size: 2\n" +
      "shuffle: false\nlora_r: 2\n",
  );
  const trained = await runCli(["train", "--config", config]);
  assert.equal(trained.status, 0, trained.stderr);
  assert.match(
    trained.stderr,
    /warning: .*run\.yaml: settings have other names now: .*"batch_size" is "batchSize".*"lora_r" is "loraRank"/,
  );
  const saved = join(path, "out", "config.json");
  const run = JSON.parse(await Deno.readTextFile(saved));
  assert.deepEqual(
    [run.dataset, run.model, run.maxSteps, run.batchSize, run.shuffle, run.loraRank],
    [join(path, "rows.jsonl"), join(path, "tiny"), 2, 2, false, 2],
  );
  const { settings, stderr } = await printConfig(["train", "--config", saved], {});
  assert.equal(stderr, "");
  for (const [key, value] of Object.entries(run)) {
    assert.deepEqual(settings[key]?.value, value, key);
  }

  const output = ["--output", join(path, "out")];
  const longer = join(path, "longer.json");
  await Deno.writeTextFile(longer, '{"output": "out", "max_steps": 3,\n "loraRank": 4}');
  const refused = await runCli(["train", "--resume", "--config", longer]);
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /error: Cannot resume ".*" with "loraRank" \(.*longer\.json:2:2\) 4: it began with loraRank 2; leave it out/,
  );
  const other = await runCli(["train", "--resume", ...output, "--model", "1m"]);
  assert.match(other.stderr, /with --model "1m": it began with model ".*tiny"; leave --model out/);
  for (
    const flags of [["--seed", "1"], ["--shuffle"], ["--max-length", "9"], ["--eval-split", "0.5"]]
  ) {
    const { status, stderr } = await runCli(["train", "--resume", ...output, ...flags]);
    assert.equal(status, 1, flags[0]);
    assert.match(
      stderr,
      new RegExp(`with ${flags[0]} .+: it began with \\w+ .+; leave ${flags[0]} out`),
    );
  }
  const home = await makeHome(path, '{"model": "5m", "batchSize": 7, "loraRank": 9}');
  const resumed = await printConfig(["train", "--resume", ...output, "--epochs", "4"], home);
  assert.deepEqual(resumed.settings["batchSize"], { value: 2, source: "run", place: saved });
  assert.deepEqual(resumed.settings["maxSteps"]?.value, null);
  await Deno.writeTextFile(longer, '{"output": "out", "max_steps": 3}');
  const going = await runCli(["train", "--resume", "--config", longer], home);
  assert.equal(going.status, 0, going.stderr);
  assert.equal(JSON.parse(await Deno.readTextFile(saved)).maxSteps, 3);
});

Deno.test("train refuses a file with a key that is not known, or a value that cannot be, in one line", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const options = await makeHome(path, '{\n  "serve": {"prot": 80}\n}');
  const misspelt = await runCli(["train", "--print-config"], options);
  assert.equal(misspelt.status, 1);
  assert.match(
    misspelt.stderr,
    /^error: Cannot read ".*home\/llm-training\.json:2:13": "prot" is not a setting; did you mean "port"\?\n$/,
  );
  const cases: readonly [text: string, message: RegExp][] = [
    ["serv: {port: 1}", /"serv" is not a setting; did you mean "serve"\?/],
    ["train: 5", /as "train" must be an object: it is a section/],
    ["batchSize: many", /:1:1" as "batchSize" must be a whole number .* current value is "many"/],
    ["epochs: [1", /run\.yaml:\d:\d+": it is not valid YAML/],
  ];
  for (const [text, message] of cases) {
    const config = join(path, "run.yaml");
    await Deno.writeTextFile(config, text);
    const { status, stderr } = await runCli(["train", "--config", config]);
    assert.equal(status, 1, text);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});

Deno.test("train --resume of a folder without a run begins none with what the home says", async () => {
  await using folder = await temporaryFolder();
  const options = await makeHome(folder.path, '{"dataset": "rows.jsonl", "model": "demo"}');
  const output = join(folder.path, "typo");
  const { status, stderr } = await runCli(["train", "--resume", "--output", output], options);
  assert.equal(status, 1);
  assert.match(stderr, /^error: Cannot resume: ".*typo" holds no run; look at --output\n$/);
});

Deno.test("train reads no config.json that merely lies in the current folder", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await Deno.writeTextFile(join(path, "config.json"), '{"batch_size": 1, "locked": {}}');
  const options = { ...await makeHome(path, "{}"), cwd: path };
  const { settings, stderr } = await printConfig(["train", "--dataset", "d.jsonl"], options);
  assert.equal(stderr, "");
  assert.deepEqual(settings["batchSize"], { value: 8, source: "default" });
  assert.equal(settings["dataset"]?.value, join(await Deno.realPath(path), "d.jsonl"));
});

Deno.test("train takes the flags of the Python platform with their new names, and refuses what it cannot do", async () => {
  await using folder = await temporaryFolder();
  const options = await makeHome(folder.path, "{}");
  const { settings, stderr } = await printConfig([
    ...["train", "--output-dir", folder.path, "--gradient-accumulation", "4", "-y"],
    ...["--skip-validation", "--num-eval-samples", "5", "--profile", "none", "--bf16"],
    "--use-gradient-checkpointing",
  ], options);
  assert.equal(settings["output"]?.value, folder.path);
  assert.equal(settings["gradientAccumulationSteps"]?.value, 4);
  assert.equal(settings["gradientCheckpointing"]?.value, true);
  for (
    const line of [
      "--output-dir is called --output",
      "--gradient-accumulation is called --gradient-accumulation-steps",
      "--use-gradient-checkpointing is called --gradient-checkpointing",
      "--yes is without effect: nothing is asked",
      "--skip-validation is without effect: what cannot be trained on is refused in any case",
      "--num-eval-samples is without effect: .*--eval-dataset.*",
      "--profile is without effect: rows are trained as they are",
      "--bf16 is without effect: what is trained is f32",
    ]
  ) {
    assert.match(stderr, new RegExp(`^warning: ${line}$`, "m"));
  }
  for (const flag of ["--system-prompt", "--resume-from-checkpoint"]) {
    const { status, stderr } = await runCli(["train", flag, "x"], options);
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`^error: Cannot take ${flag}: `));
  }
  const twice = await runCli(["train", "--lr", "1", "--learning-rate", "2"], options);
  assert.match(twice.stderr, /Cannot take both --learning-rate and --lr: they are one setting/);
});

Deno.test("train lets flags undo what a file says: none, --no- and --shuffle", async () => {
  await using folder = await temporaryFolder();
  const options = await makeHome(
    folder.path,
    '{"evalSplit": 0.1, "shuffle": false, "gradientCheckpointing": true, "maxSteps": 5, "loraRank": 4}',
  );
  const { settings } = await printConfig([
    ...["train", "--eval-split", "none", "--shuffle", "--no-gradient-checkpointing"],
    ...["--epochs", "2", "--adapter", "saved"],
  ], options);
  const values = ["evalSplit", "shuffle", "gradientCheckpointing", "maxSteps", "loraRank"];
  assert.deepEqual(values.map((key) => settings[key]?.value), [null, true, false, null, null]);
  assert.equal(settings["loraRank"]?.place, "--adapter");
});

Deno.test("train tells of settings that do nothing beside the others", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const config = join(path, "run.yaml");
  await writeTokenRows(join(path, "rows.jsonl"), 4);
  await Deno.writeTextFile(
    config,
    "dataset: rows.jsonl\nmodel: demo\ndevice: wasm\nlrPower: 2\nmomentum: 0.8\nevalSteps: 5\n",
  );
  const { status, stderr } = await runCli(["train", "--config", config, "--dry-run"]);
  assert.equal(status, 0, stderr);
  assert.match(
    stderr,
    /warning: "lrPower" \(.*run\.yaml:4:1\) does nothing without schedule "polynomial"/,
  );
  assert.match(stderr, /warning: "momentum" .* without optimizer "sgd" or "muon"/);
  assert.match(stderr, /warning: "evalSteps" .* without evalDataset or evalSplit/);
});
