import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import OpenAI from "openai";
import { DEVICES } from "../../src/engine/runtime/session.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { assertOnlyWholeCheckpoints, readMetrics } from "./checkpoints.ts";
import { interruptAfterStep, type ProgramStart } from "./interrupt.ts";

const executable = Deno.env.get("LLM_TRAINING_BIN");

function testExecutable(name: string, fn: (context: Deno.TestContext) => Promise<void>): void {
  const ignore = executable === undefined;
  const why = " (skipped: $LLM_TRAINING_BIN names no executable)";
  Deno.test({ name: ignore ? name + why : name, ignore, fn });
}

/** What comes before a program so that it has no network, where this user may do so. */
const OFFLINE: readonly string[] = await (async () => {
  for (const prefix of [["unshare", "-n"], ["unshare", "-r", "-n"]]) {
    const [program, ...args] = prefix;
    const run = new Deno.Command(program!, { args: [...args, "true"], stderr: "null" }).output();
    if (await run.then(({ success }) => success, () => false)) return prefix;
  }
  return [];
})();

/** Says how to start the executable in `cwd`, without network and with nothing in its environment. */
function offline(cwd: string, args: readonly string[]): ProgramStart {
  const [program, ...rest] = [...OFFLINE, resolve(executable!), ...args];
  return { program: program!, args: rest, cwd, env: environment(cwd) };
}

function environment(home: string): Record<string, string> {
  return { HOME: home, PATH: Deno.env.get("PATH") ?? "" };
}

interface Output {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run({ program, args, cwd, env }: ProgramStart, stdin = ""): Promise<Output> {
  const child = new Deno.Command(program, {
    args: [...args],
    clearEnv: true,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const written = new Response(stdin).body?.pipeTo(child.stdin).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await written;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { status: code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs the executable offline and returns its standard output. */
async function succeed(cwd: string, args: readonly string[], stdin = ""): Promise<string> {
  const { status, stdout, stderr } = await run(offline(cwd, args), stdin);
  assert.equal(status, 0, `${args[0]}: ${stderr}`);
  return stdout;
}

async function hasAdapter(cwd: string): Promise<boolean> {
  const { devices } = JSON.parse(await succeed(cwd, ["doctor", "--json", "--no-speed"]));
  return devices.some((each: { gpu?: unknown }) => each.gpu !== undefined);
}

const network = OFFLINE.length > 0 ? "without network" : "with network, as unshare may not";

testExecutable(
  `the executable trains, stops, goes on, generates and chats from an empty folder ${network}`,
  async (test) => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    await succeed(path, [
      ...["data", "generate", "--skill", "tiny_world", "--rows", "40", "--output", "world.jsonl"],
    ]);
    const withAdapter = await hasAdapter(path);
    const losses: number[] = [];
    for (const device of DEVICES) {
      const ignore = device === "webgpu" && !withAdapter;
      const name = ignore ? `${device} (skipped: no GPU adapter)` : device;
      await test.step({
        name,
        ignore,
        async fn() {
          const on = ["--device", device, "--threads", "2"];
          const output = `run-${device}`;
          const status = await interruptAfterStep(
            2,
            offline(path, [
              ...["train", "--json", "--dataset", "world.jsonl", "--model", "demo", ...on],
              ...["--batch-size", "2", "--max-length", "32", "--max-steps", "1000"],
              ...["--output", output, "--lr-scheduler", "constant"],
            ]),
          );
          assert.equal(status, 130);
          const before = (await readMetrics(join(path, output))).length;
          const steps = String(before + 1);
          await succeed(path, ["train", "--resume", "--output", output, "--max-steps", steps]);
          const metrics = await readMetrics(join(path, output)) as { loss: number }[];
          assert.equal(metrics.length, before + 1);
          losses.push(metrics[1]!.loss);
          assert.equal(await assertOnlyWholeCheckpoints(join(path, output)), 2);
          const greedy = ["--model", output, ...on, "--temperature", "0", "--max-tokens", "4"];
          const text = await succeed(path, [
            "generate",
            ...greedy,
            "--prompt",
            "Ida has",
            "--json",
          ]);
          assert.equal(JSON.parse(text).usage.completion_tokens, 4);
          await succeed(path, ["chat", ...greedy], "What does Ida have?\nWho?\n");
        },
      });
    }
    for (const loss of losses) assert.ok(Math.abs(loss - losses[0]!) < 1e-4, losses.join(", "));
  },
);

testExecutable("the executable answers the openai client", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await succeed(path, [
    "data",
    "generate",
    "--skill",
    "syllo",
    "--rows",
    "8",
    "--output",
    "d.jsonl",
  ]);
  await succeed(path, [
    ...["train", "--dataset", "d.jsonl", "--model", "demo", "--device", "native"],
    ...["--batch-size", "2", "--max-steps", "1", "--output", "run"],
  ]);
  const child = new Deno.Command(resolve(executable!), {
    args: ["serve", "--model", "run", "--port", "0", "--device", "native"],
    cwd: path,
    clearEnv: true,
    env: environment(path),
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    let line = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      line += text;
      if (line.includes("\n")) break;
    }
    const baseURL = /at (http:\S+)\n/.exec(line)?.[1];
    assert.ok(baseURL !== undefined, line);
    const client = new OpenAI({ baseURL, apiKey: "unused", maxRetries: 0 });
    const { choices, usage } = await client.chat.completions.create({
      model: "run",
      messages: [{ role: "user", content: "Hello" }],
      max_tokens: 3,
    });
    assert.equal(choices.length, 1);
    assert.ok(usage!.completion_tokens <= 3);
    child.kill("SIGINT");
    assert.equal((await child.status).code, 130);
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await child.status;
  }
});

testExecutable(
  "the executable is llm-train, llm-inference or llm-daemon when called so",
  async () => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    const called = async (name: string, args: readonly string[]) => {
      const link = join(path, name);
      await Deno.symlink(resolve(executable!), link);
      return await run({ program: link, args, cwd: path, env: environment(path) });
    };
    const help = await run(offline(path, ["--help"]));
    assert.deepEqual([help.status, help.stderr], [0, ""]);
    assert.match(help.stdout, /Usage: llm-training <command>/);
    const train = await called("llm-train", ["--help"]);
    assert.deepEqual([train.status, train.stderr], [0, ""]);
    assert.match(train.stdout, /Usage: llm-train \[options\][^]*--gradient-accumulation-steps/);
    const inference = await called("llm-inference", ["--help"]);
    assert.match(inference.stdout, /Usage: llm-inference \[options\][^]*--api-key/);
    const daemon = await called("llm-daemon", ["--help"]);
    assert.match(daemon.stdout, /Usage: llm-daemon \[options\][^]*--policy/);
  },
);
