import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { sharedData, testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const ENTRY = fileURLToPath(new URL("../../server.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const MODEL = { data: "models/TinyStories-656K" };

/** Starts a command of Deno in a home of its own, and returns the process. */
function start(args: readonly string[], home: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: home,
    env: { LLM_TRAINING_HOME: home, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Reads what is printed until it says where the server is. */
async function urlOf({ stdout }: Deno.ChildProcess): Promise<string> {
  let text = "";
  for await (const piece of stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const [, url] = /^Serving .* at (\S+)\/v1$/m.exec(text) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`the server has not begun: ${text}`);
}

const LISTEN = ["--host", "127.0.0.1", "--port", "0"];
const PROGRAMS = {
  "deno serve server.ts": ["serve", "-A", "--config", CONFIG, ...LISTEN, ENTRY],
  "deno run server.ts": ["run", "-A", "--config", CONFIG, ENTRY, ...LISTEN],
};

for (const [name, command] of Object.entries(PROGRAMS)) {
  testWithData(
    `${name} answers with the golden greedy ids and ends when it is told to`,
    MODEL,
    async (model) => {
      await using home = await temporaryFolder();
      const golden = JSON.parse(
        await Deno.readTextFile(sharedData("golden/TinyStories-656K.json")!),
      );
      const flags = ["--model", model, "--device", "wasm", "--threads", "1"];
      await using child = start([...command, ...flags], home.path);
      const errors = child.stderr.text();
      const url = await urlOf(child);
      const response = await fetch(`${url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          model: "TinyStories-656K",
          prompt: golden.input_ids,
          max_tokens: 10,
          temperature: 0,
          return_token_ids: true,
        }),
      });
      const { choices: [choice] } = await response.json();
      assert.equal(response.status, 200);
      assert.equal(choice.token_ids.length, 10);
      const promptLength = golden.input_ids.length;
      assert.deepEqual(
        choice.token_ids,
        golden.greedy_ids.slice(promptLength, promptLength + choice.token_ids.length),
      );
      const health = await fetch(`${url}/health`);
      assert.deepEqual([health.status, (await health.json()).status], [200, "ok"]);
      child.kill("SIGTERM");
      const { code } = await child.status;
      assert.equal(code, 0, await errors);
      await errors;
    },
  );
}

testWithData(
  "deno serve server.ts says in one line what is wrong, and ends",
  MODEL,
  async (model) => {
    await using home = await temporaryFolder();
    const cases = [
      { args: ["--port", "0", ENTRY, "--model", model], says: /without an API key/ },
      {
        args: [...LISTEN, ENTRY, "--model", "nothing-here"],
        says: /^error: Cannot find model "nothing-here"/,
      },
      { args: [...LISTEN, ENTRY, "--modle", model], says: /unknown option '--modle'/ },
    ];
    for (const { args, says } of cases) {
      await using child = start(["serve", "-A", "--config", CONFIG, ...args], home.path);
      const [errors, { code }] = await Promise.all([child.stderr.text(), child.status]);
      await child.stdout.cancel();
      assert.match(errors, says);
      assert.ok(code === 1 || code === 2, `status ${code}`);
    }
  },
);
