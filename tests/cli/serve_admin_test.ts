import assert from "node:assert/strict";
import { join } from "node:path";
import { copyFolder } from "../copy_folder.ts";
import { sharedData, testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";
import { startServe } from "./serve_process.ts";

const STORIES = { data: "models/TinyStories-656K" };

testWithData(
  "serve begins empty, is told what to serve, and remembers that after it was killed",
  STORIES,
  async (source) => {
    await using folder = await temporaryFolder();
    const env = { LLM_TRAINING_HOME: folder.path };
    for (const name of ["v1", "v2"]) await copyFolder(source, join(folder.path, "models", name));
    const key = (await runCli(["keys", "create", "ops", "--role", "admin"], { env })).stdout.trim();
    const admin = async (url: string, method: string, path: string, body?: unknown) => {
      const response = await fetch(`${url}/admin/${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    };
    const golden = JSON.parse(
      await Deno.readTextFile(sharedData("golden/TinyStories-656K.json")!),
    );
    const ask = (server: Awaited<ReturnType<typeof startServe>>, model: string) =>
      server.client.completions.create({
        model,
        prompt: golden.input_ids,
        max_tokens: 8,
        temperature: 0,
        ...{ return_token_ids: true },
      });
    const ready = async (url: string) => {
      const response = await fetch(`${url}/ready`);
      return [response.status, (await response.json()).model];
    };
    const expected = golden.greedy_ids.slice(golden.input_ids.length).slice(0, 8);

    await using first = await startServe(["--device", "wasm"], { apiKey: key, env });
    assert.deepEqual(await ready(first.url), [503, null]);
    const loaded = await admin(first.url, "POST", "models", { name: "v1", folder: "v1" });
    assert.deepEqual([loaded.status, loaded.body.state], [201, "loaded"], JSON.stringify(loaded));
    assert.equal(
      (await admin(first.url, "POST", "models", { name: "v2", folder: "v2", weights: "int8" }))
        .status,
      201,
    );
    const pointed = await admin(first.url, "PUT", "aliases/champion", {
      model: "v1",
      canary: { model: "v2", share: 0.5 },
    });
    assert.equal(pointed.body.revision, 1);
    assert.deepEqual(await ready(first.url), [200, "v1"]);
    const [one, two] = [await ask(first, "champion"), await ask(first, "champion")];
    assert.deepEqual([one.model, two.model], ["v1", "v2"]);
    assert.equal(one.system_fingerprint, loaded.body.content_hash);
    assert.deepEqual((one.choices[0] as unknown as { token_ids: number[] }).token_ids, expected);
    // another server of this home leaves what is remembered alone
    await using other = await startServe(["--model", "v2", "--device", "wasm"], {
      apiKey: key,
      env,
    });
    assert.deepEqual((await admin(other.url, "GET", "aliases")).body.data, []);
    await other.end("SIGTERM");
    await first.end("SIGKILL");

    await using again = await startServe(["--device", "wasm"], { apiKey: key, env });
    assert.deepEqual(await ready(again.url), [200, "v1"]);
    const { body } = await admin(again.url, "GET", "aliases/champion");
    assert.deepEqual([body.model, body.revision, body.canary.reason], ["v1", 1, "restarted"]);
    assert.equal((await ask(again, "champion")).model, "v1");
    const { status } = await again.end("SIGTERM");
    assert.equal(status, 0);
  },
);

testWithData(
  "serve has several models by name, and says what it cannot be asked for",
  STORIES,
  async (source) => {
    await using folder = await temporaryFolder();
    const env = { LLM_TRAINING_HOME: folder.path };
    await copyFolder(source, join(folder.path, "stories=x"));
    await Deno.writeTextFile(
      join(folder.path, "llm-training.json"),
      JSON.stringify({ serve: { model: ["tales=./stories=x", source], device: "wasm" } }),
    );
    await using server = await startServe([], { env });
    const { data } = await server.client.models.list();
    assert.deepEqual(data.map(({ id }) => id), ["tales", "TinyStories-656K"]);
    const answers = await Promise.all(
      data.map(({ id }) =>
        server.client.completions.create({
          model: id,
          prompt: "Once",
          max_tokens: 5,
          temperature: 0,
        })
      ),
    );
    assert.deepEqual(answers.map(({ model }) => model), ["tales", "TinyStories-656K"]);
    assert.equal(answers[0]!.choices[0]!.text, answers[1]!.choices[0]!.text);
    await server.end("SIGTERM");
    const fails = async (...args: readonly string[]) => {
      const { status, stderr } = await runCli(["serve", "--port", "0", ...args], {
        env: { LLM_TRAINING_HOME: join(folder.path, "none") },
      });
      assert.equal(status, 1);
      return stderr;
    };
    const two = ["--model", source, "--model", source];
    assert.match(await fails(...two), /^error: Cannot serve two models as "TinyStories-656K"/);
    assert.match(await fails(...two, "--name", "x"), /^error: Cannot use --name unless/);
    assert.match(
      await fails(...two, "--adapter", "x"),
      /^error: Cannot use --adapter with several/,
    );
    assert.match(
      await fails("--model", source, "--max-memory", "1"),
      /^error: .*--max-memory/,
    );
  },
);
