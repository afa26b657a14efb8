import assert from "node:assert/strict";
import { COMMANDS } from "../../src/cli/commands.ts";
import { createProgram } from "../../src/cli/program.ts";
import { overview } from "../../src/cli/overview.ts";
import config from "../../deno.json" with { type: "json" };
import { temporaryFolder } from "../temporary_folder.ts";
import { writeRun } from "../management/home_of_runs.ts";
import { runCli } from "./run_cli.ts";

Deno.test("main() prints every command for --help, with status 0", async () => {
  const { status, stdout, stderr } = await runCli(["--help"]);
  assert.deepEqual([status, stderr], [0, ""]);
  for (const { name, summary } of COMMANDS) assert.match(stdout, new RegExp(`${name} +${summary}`));
});

Deno.test("main() without arguments prints the help and what comes next on standard error, with status 2", async () => {
  await using folder = await temporaryFolder();
  const { status, stdout, stderr } = await runCli([], { env: { LLM_TRAINING_HOME: folder.path } });
  assert.deepEqual([status, stdout], [2, ""]);
  assert.ok(stderr.startsWith(overview("llm-training")));
  const commands = stderr.split("Begin with")[1]!.matchAll(/^ {2}\$ llm-training (\w+)/gm);
  assert.deepEqual(Array.from(commands, ([, command]) => command), ["data", "train", "chat"]);
});

Deno.test("main() without arguments names the newest run of the home", async () => {
  await using folder = await temporaryFolder();
  for (const name of ["20260101-a", "20260102-b"]) {
    await writeRun(folder.path, { name, ageHours: { 1: 1 } });
  }
  const env = { LLM_TRAINING_HOME: folder.path };
  const { stderr } = await runCli([], { env });
  assert.match(stderr, /^The newest run here is 20260102-b \(finished\):$/m);
  assert.match(stderr, /^ {2}\$ llm-training chat --model \S*20260102-b +# talk with it$/m);
});

Deno.test("main() prints its own version first for --version, then those of what it runs on", async () => {
  const { status, stdout } = await runCli(["--version"]);
  assert.equal(status, 0);
  const [own, ...others] = stdout.trimEnd().split("\n");
  assert.equal(own, config.version);
  assert.deepEqual(others.map((line) => line.split(" ")[0]), ["deno", "v8", "onnxruntime"]);
  for (const line of others) assert.match(line, /^\w+ \d+\.\d+\.\d+\S*$/);
});

Deno.test("main() suggests the command that was meant, with status 2", async () => {
  const { status, stderr } = await runCli(["complesions"]);
  assert.equal(status, 2);
  assert.match(stderr, /unknown command 'complesions'\n\(Did you mean completions\?\)/);
});

Deno.test("main() suggests the flag that was meant, with status 2", async () => {
  const { status, stderr } = await runCli(["completions", "bash", "--hlep"]);
  assert.equal(status, 2);
  assert.match(stderr, /unknown option '--hlep'\n\(Did you mean --help\?\)/);
});

Deno.test("main() ends what is wrong with a command line with the command that explains it", async () => {
  const cases = [
    [["help", "nope"], /unknown command 'nope'\n\(llm-training --help explains it\)\n$/],
    [["nope", "--help"], /unknown command 'nope'/],
    [
      ["data", "valdate"],
      /\(Did you mean validate\?\)\n\(llm-training data --help explains it\)\n$/,
    ],
    [
      ["run", "show"],
      /missing required argument 'run'\n\(llm-training run show --help explains it\)\n$/,
    ],
  ] as const;
  for (const [args, message] of cases) {
    const { status, stderr } = await runCli(args);
    assert.equal(status, 2, args.join(" "));
    assert.match(stderr, message);
  }
});

Deno.test("main() names the command that lists every mistake, where a row cannot be used", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/bad.jsonl`;
  await Deno.writeTextFile(path, "nonsense\n");
  const { status, stderr } = await runCli(["train", "--dataset", path, "--model", "demo"]);
  assert.equal(status, 1);
  assert.ok(stderr.endsWith(`; every mistake is listed by: llm-training data validate ${path}\n`));
});

Deno.test("main() called llm-inference is serve under that name", async () => {
  const { status, stdout } = await runCli(["--help"], { entry: "server.ts" });
  assert.equal(status, 0);
  assert.match(stdout, /^Usage: llm-inference \[options\]\n/);
  const misspelt = await runCli(["--model", "x", "--prot", "80"], { entry: "server.ts" });
  assert.equal(misspelt.status, 2);
  assert.match(misspelt.stderr, /unknown option '--prot'\n\(Did you mean --port\?\)/);
});

Deno.test("every entry point is a program of its own", async () => {
  const entries = [
    ["src/core/train.ts", /^Usage: llm-training train /],
    ["src/core/training_daemon.ts", /^Usage: llm-training daemon /],
    ["src/inference/server.ts", /^Usage: llm-inference /],
  ] as const;
  for (const [entry, usage] of entries) {
    const { status, stdout } = await runCli(["--help"], { entry });
    assert.equal(status, 0, entry);
    assert.match(stdout, usage);
    assert.equal((await runCli(["--frob"], { entry })).status, 2, entry);
  }
});

Deno.test("every command explains itself with examples", async () => {
  const program = await createProgram("llm-training", COMMANDS.map(({ name }) => name));
  assert.deepEqual(program.commands.map((command) => command.name()), COMMANDS.map((c) => c.name));
  const pending = [...program.commands];
  for (const command of pending) {
    pending.push(...command.commands);
    let help = "";
    command.configureOutput({ writeOut: (text) => help += text }).outputHelp();
    assert.match(help, /\nExamples:\n {2}\$ llm-training /, command.name());
    assert.ok(command.description().length > 0, `${command.name()} has a description`);
  }
});
