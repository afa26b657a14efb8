import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import OpenAI from "openai";
import { sharedData } from "../shared_data.ts";
import { cliCommand } from "./run_cli.ts";

const stories = sharedData("models/TinyStories-656K");

/** Registers a test that finds processes in `/proc` and needs the trained model. */
function testOnLinux(name: string, fn: () => Promise<void>): void {
  const ignore = stories === undefined || !existsSync("/proc/self/task");
  Deno.test({ name: ignore ? `${name} (skipped: no shared data, or no /proc)` : name, ignore, fn });
}

interface Served extends AsyncDisposable {
  readonly process: Deno.ChildProcess;
  readonly url: string;
  readonly client: OpenAI;
  readonly stderr: Promise<string>;
}

/** Starts `serve` in a process group of its own, as a shell does. */
async function startServe(): Promise<Served> {
  const [program, ...head] = cliCommand();
  const options = ["--port", "0", "--device", "native", "--threads", "1"];
  const process = new Deno.Command("setsid", {
    args: [program, ...head, "serve", "--model", stories!, ...options],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(process.stderr).text();
  let line = "";
  for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
    line += text;
    if (line.includes("\n")) break;
  }
  const [, url] = /at (http:\S+)\/v1\n/.exec(line) ?? assert.fail(`no address in "${line}"`);
  return {
    process,
    url: url!,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0 }),
    stderr,
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGKILL");
      } catch {
        // it has ended
      }
      await process.status;
      await stderr;
    },
  };
}

/** The processes that a process has started. */
function childrenOf(pid: number): readonly number[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) =>
    Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`).split(" ").filter(Boolean)
      .map(Number)
  );
}

const LONG = {
  model: "TinyStories-656K",
  prompt: "Once upon a time",
  n: 4, // three of these at once are within --max-running
  max_tokens: 400,
  ...{ ignore_eos: true },
};

/** Begins a long answer and returns the rest of it once its first part is there. */
async function beginStream({ client }: Served): Promise<AsyncIterator<OpenAI.Completion>> {
  const parts = (await client.completions.create({ ...LONG, stream: true }))
    [Symbol.asyncIterator]();
  assert.equal((await parts.next()).done, false);
  return parts;
}

async function rest(parts: AsyncIterator<OpenAI.Completion>): Promise<readonly string[]> {
  const reasons: string[] = [];
  for (;;) {
    const { value, done } = await parts.next();
    if (done) return reasons;
    for (const { finish_reason } of value.choices) {
      if (finish_reason !== null) reasons.push(finish_reason);
    }
  }
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
}

testOnLinux(
  "serve outlives its worker's death: what runs gets 503, and what comes then is answered",
  async () => {
    const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/TinyStories-656K.json")!));
    const promptIds: number[] = golden.input_ids;
    await using server = await startServe();
    const streams = await Promise.all([beginStream(server), beginStream(server)]);
    const whole = server.client.completions.create(LONG);
    const [worker, ...others] = childrenOf(server.process.pid);
    assert.deepEqual(others, []);
    Deno.kill(worker!, "SIGKILL");
    await assert.rejects(whole, { status: 503, code: "unavailable" });
    for (const stream of streams) await assert.rejects(rest(stream), { code: "unavailable" });
    await until(async () => await statusOf(`${server.url}/ready`) === 200);
    const { choices } = await server.client.completions.create({
      model: "TinyStories-656K",
      prompt: promptIds,
      max_tokens: 20,
      temperature: 0,
      ...{ return_token_ids: true },
    });
    const [{ token_ids }] = choices as unknown as [{ token_ids: number[] }];
    assert.deepEqual(token_ids, golden.greedy_ids.slice(promptIds.length, promptIds.length + 20));
    assert.notDeepEqual(childrenOf(server.process.pid), [worker]);
    server.process.kill("SIGTERM");
    assert.equal((await server.process.status).code, 0);
    assert.match(await server.stderr, /ended by SIGKILL; its memory may have run out/);
  },
);

testOnLinux("serve finishes what runs when Ctrl-C reaches its worker too", async () => {
  await using server = await startServe();
  const stream = await beginStream(server);
  Deno.kill(-server.process.pid, "SIGINT");
  assert.deepEqual(await rest(stream), Array(4).fill("length"));
  assert.equal((await server.process.status).code, 130);
});

testOnLinux("a worker does not outlive a server that is killed", async () => {
  await using server = await startServe();
  const [worker] = childrenOf(server.process.pid);
  server.process.kill("SIGKILL");
  await server.process.status;
  await until(() => !isRunning(worker!));
});

/** Whether a process is there and not merely waiting to be asked how it ended. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
