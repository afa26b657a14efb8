import assert from "node:assert/strict";
import { join } from "node:path";
import { cliCommand, runCli } from "../cli/run_cli.ts";
import { startProgram } from "../core/daemon/daemon_program.ts";
import { testHome, until, untilDone } from "../core/daemon/test_daemon.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { VOCABULARY } from "./tiny_model.ts";

/** Rows in which each token is followed by the one `step` further on. */
function countingRows(from: number, { step }: { readonly step: number }): string {
  const rows = Array.from({ length: 32 }, (_, row) => {
    const ids = Array.from({ length: 12 }, (_, i) => (from + 5 * row + step * i) % VOCABULARY);
    return JSON.stringify({ input_ids: ids, labels: ids });
  });
  return `${rows.join("\n")}\n`;
}

/** A `serve` of its own home, which admins may tell what to serve. */
async function startServe(home: string): Promise<
  AsyncDisposable & {
    readonly url: string;
    readonly keyFile: string;
    /** Returns what a model goes on with, and which model that is. */
    ask(model: string): Promise<{ readonly ids: readonly number[]; readonly name: string }>;
  }
> {
  await Deno.mkdir(join(home, "models"), { recursive: true });
  const { stdout } = await runCli(["keys", "create", "orchestrator", "--role", "admin"], {
    env: { LLM_TRAINING_HOME: home },
  });
  const key = stdout.trim();
  const keyFile = join(home, "admin.key");
  await Deno.writeTextFile(keyFile, key);
  const [program, ...head] = cliCommand();
  const child = new Deno.Command(program, {
    args: [...head, "serve", "--port", "0", "--device", "native", "--threads", "1"],
    env: { LLM_TRAINING_HOME: home, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  const { value = "" } = await lines.next();
  const [, url] = /at (http:\S+)\/v1/.exec(value) ?? [];
  assert.ok(url !== undefined, value);
  return {
    url,
    keyFile,
    async ask(model) {
      const response = await fetch(`${url}/v1/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({
          ...{ model, prompt: [[3, 4, 5, 6]], max_tokens: 4, temperature: 0 },
          return_token_ids: true,
        }),
      });
      const body = await response.json();
      assert.equal(response.status, 200, JSON.stringify(body));
      return { ids: body.choices[0].token_ids, name: body.model };
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await lines.return?.();
      await child.status;
    },
  };
}

Deno.test("a file in the inbox becomes what serve answers with if that is better, and only then", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServe(join(folder.path, "serving"));
  const held = join(folder.path, "held-out.jsonl");
  await Deno.writeTextFile(held, countingRows(2, { step: 1 }));
  await using home = await testHome({
    maxSteps: 60,
    learningRate: 1e-2,
    // what is worse becomes live here all the same: it is the gate that must keep it from the server
    daemon: { fixedSet: held, regressionTolerance: 1000 },
    deployment: {
      hosts: [{
        ...{ name: "web", url: server.url, keyFile: server.keyFile },
        ship: `link:${join(folder.path, "serving", "models")}`,
      }],
      ...{ auto: true, watchSeconds: 0, canary: { share: 0.5, minSeconds: 0, maxSeconds: 1 } },
    },
  });
  const deploy = async (...args: string[]) => {
    const result = await runCli(["deploy", ...args, "--home", home.home, "--json"]);
    return { ...result, json: result.stdout === "" ? null : JSON.parse(result.stdout) };
  };
  const first = await deploy(join(home.paths.models, "tiny"), "--no-gate");
  assert.equal(first.status, 0, first.stderr);
  const before = await server.ask("champion");
  await using _daemon = await startProgram(home);

  await Deno.writeTextFile(join(home.paths.inbox, "good.jsonl"), countingRows(0, { step: 1 }));
  const [good] = await untilDone(home.queue, 1);
  assert.equal(good?.state, "succeeded", good?.error ?? "");
  const ended = async (count: number) =>
    await until(async () => {
      const { json } = await deploy("history");
      const over = json.filter(({ finished_at }: { finished_at: string }) => finished_at !== null);
      return over.length >= count && over[0];
    }, `${count} deployments`);
  const better = await ended(2);
  assert.equal(better.state, "done", better.error);
  assert.equal(better.steps[0].detail.verdicts[0].verdict, "better");
  const after = await server.ask("champion");
  assert.equal(after.name, better.model.name);
  assert.deepEqual(after.ids, [7, 8, 9, 10]);
  assert.notDeepEqual(after.ids, before.ids);

  await Deno.writeTextFile(join(home.paths.inbox, "bad.jsonl"), countingRows(1, { step: 7 }));
  const [, bad] = await untilDone(home.queue, 2);
  assert.equal(bad?.state, "succeeded", bad?.error ?? "");
  const worse = await ended(3);
  assert.equal(worse.state, "refused");
  assert.equal(worse.steps[0].detail.verdicts[0].verdict, "worse");
  assert.deepEqual(await server.ask("champion"), after);
  const status = await deploy("status");
  assert.equal(status.json.hosts[0].live.name, better.model.name);
});
