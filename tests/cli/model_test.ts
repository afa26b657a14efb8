import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { copyFolder } from "../copy_folder.ts";
import { testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { type HubFiles, startHub } from "../models/hub/fake_hub.ts";
import { writeTinyModel } from "../e2e/tiny_model.ts";
import { runCli } from "./run_cli.ts";

const ID = "Org/tiny";
const COMMIT = "a".repeat(40);

/** What the environment of the tests may say of the hub, unsaid. */
const NO_HUB_SETTINGS = {
  HF_HUB_OFFLINE: "",
  TRANSFORMERS_OFFLINE: "",
  HF_HUB_CACHE: "",
  HF_TOKEN: "",
};

/** A hub that has the model in `path`, and what tells the program of it. */
async function hubWith(path: string, { home }: { readonly home: string }) {
  const files: Record<string, HubFiles[string]> = {};
  for await (const { name, isFile } of Deno.readDir(path)) {
    if (isFile) files[name] = await Deno.readFile(join(path, name));
  }
  const hub = startHub({ [ID]: { commits: { [COMMIT]: files }, branches: { main: COMMIT } } });
  const env = {
    ...NO_HUB_SETTINGS,
    HF_ENDPOINT: hub.endpoint,
    HF_HOME: home,
    LLM_TRAINING_HOME: join(home, "llm"),
  };
  return { hub, env, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
}

Deno.test("model pull downloads once, goes on after a cut, and prints the folder", async () => {
  await using folder = await temporaryFolder();
  const model = await writeTinyModel(join(folder.path, "model"));
  await using test = await hubWith(model, { home: join(folder.path, "hf") });
  const { env, hub } = test;
  const snapshot = join(env.HF_HOME, "hub", "models--Org--tiny", "snapshots", COMMIT);

  hub.faults.cutAfter["model.safetensors"] = 3000;
  hub.faults.cuts = 1;
  const first = await runCli(["model", "pull", ID], { env });
  assert.deepEqual([first.status, first.stdout], [0, `${snapshot}\n`]);
  assert.match(
    first.stderr,
    /^http:.* broke off .*; trying again in 1\.0 s\n"Org\/tiny": .* downl/,
  );
  const ranges = hub.requests.filter(({ host }) => host === "store").map(({ range }) => range);
  assert.deepEqual(ranges, [null, "bytes=3000-"]);

  hub.requests.length = 0;
  const again = await runCli(["model", "pull", ID, "--revision", COMMIT, "--json"], { env });
  assert.equal(again.stderr, `"Org/tiny@${COMMIT}" was already whole in the cache\n`);
  assert.deepEqual(JSON.parse(again.stdout), {
    repository: ID,
    revision: COMMIT,
    commit: COMMIT,
    folder: snapshot,
    downloaded_bytes: 0,
  });
  assert.equal(hub.requests.length, 1);
  const original = await Deno.readFile(join(model, "model.safetensors"));
  assert.deepEqual(await Deno.readFile(join(snapshot, "model.safetensors")), original);
});

Deno.test("model pull says in one line what is wrong", async () => {
  await using folder = await temporaryFolder();
  const model = await writeTinyModel(join(folder.path, "model"));
  await using test = await hubWith(model, { home: join(folder.path, "hf") });
  const { env, hub } = test;
  const cases: readonly [args: readonly string[], message: RegExp, env?: Record<string, string>][] =
    [
      [["Org/none"], /"Org\/none": .* has no public repository of that name/],
      [[ID, "--revision", "v9"], /"Org\/tiny@v9": it has no branch, tag or commit "v9"/],
      [[ID, "--revision", "../x"], /"\.\.\/x" cannot be a branch, a tag or a commit/],
      [["tiny"], /"tiny": give owner\/name, owner\/name@revision or an alias/],
      [[ID], /HF_HUB_OFFLINE is set and it is not whole/, { HF_HUB_OFFLINE: "1" }],
      [[ID], /Cannot use HF_ENDPOINT "nowhere"/, { HF_ENDPOINT: "nowhere" }],
    ];
  for (const [args, message, more] of cases) {
    const { status, stdout, stderr } = await runCli(["model", "pull", ...args], {
      env: { ...env, ...more },
    });
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^error: .*\n$/);
    assert.match(stderr, message);
  }
  assert.ok(hub.requests.every(({ line }) => !line.includes("resolve")));
  assert.equal(existsSync(env.HF_HOME), false);
});

Deno.test("--model downloads a model on the hub; data preview its tokenizer alone", async () => {
  await using folder = await temporaryFolder();
  const model = await writeTinyModel(join(folder.path, "model"));
  await Deno.writeTextFile(join(model, "tokenizer.json"), TOKENIZER);
  await using test = await hubWith(model, { home: join(folder.path, "hf") });
  const { env, hub } = test;
  const data = join(folder.path, "data.jsonl");
  await Deno.writeTextFile(data, '{"text":"ab"}\n');

  const preview = await runCli(["data", "preview", data, "--model", ID], { env });
  assert.equal(preview.status, 0, preview.stderr);
  assert.match(
    preview.stderr,
    /^downloading "Org\/tiny" from http:.*, as it is neither a folder nor/,
  );
  assert.ok(hub.requests.every(({ host }) => host === "hub"), "weights are not needed");

  const args = ["generate", "--model", ID, "--prompt", "ab", "--device", "native", "--json"];
  const generated = await runCli([...args, "--max-tokens", "2"], { env });
  assert.equal(generated.status, 0, generated.stderr);
  assert.equal(JSON.parse(generated.stdout).model, ID);
  hub.requests.length = 0;

  const output = join(folder.path, "run");
  const trained = await runCli([
    ...["train", "--model", ID, "--dataset", data, "--device", "native"],
    ...["--max-steps", "1", "--output", output],
  ], { env });
  assert.equal(trained.status, 0, trained.stderr);
  assert.deepEqual(hub.requests, []);
  const { model: base } = JSON.parse(await Deno.readTextFile(join(output, "config.json")));
  assert.match(base, /\/models--Org--tiny\/snapshots\/a{40}$/);
});

Deno.test("model info describes presets and says how to get what is not in the cache", async () => {
  await using folder = await temporaryFolder();
  const env = { ...NO_HUB_SETTINGS, HF_HOME: folder.path, LLM_TRAINING_HOME: folder.path };
  const preset = await runCli(["model", "info", "1m"], { env });
  assert.equal(preset.status, 0);
  assert.match(preset.stdout, /^architecture +qwen3 \(Qwen3ForCausalLM\)$/m);
  assert.match(preset.stdout, /^parameters +1,049,984 \(1\.05 M\)$/m);
  assert.match(preset.stdout, /^supported +yes$/m);
  const absent = await runCli(["model", "info", "smollm2"], { env });
  assert.equal(absent.status, 1);
  assert.match(absent.stderr, /^error: .* get it with: llm-training model pull smollm2\n$/);
});

testWithData(
  "model info tells what transformers saved, as JSON too",
  { data: "models/TinyStories-656K" },
  async (path) => {
    const { stdout } = await runCli(["model", "info", path, "--json"]);
    const { tokenizer, ...info } = JSON.parse(stdout);
    assert.deepEqual(info, {
      model: "TinyStories-656K",
      kind: "folder",
      path,
      found: `the folder "${path}"`,
      model_type: "llama",
      architecture: "LlamaForCausalLM",
      parameters: 656_000,
      dtypes: ["float32"],
      size_bytes: info.size_bytes,
      context_length: 512,
      vocabulary: 2048,
      generation: {},
      adapter: null,
      problem: null,
    });
    assert.ok(info.size_bytes > 4 * 656_000);
    assert.deepEqual(tokenizer, {
      vocabulary: 2048,
      chat_template: false,
      bos: { id: 1, token: "<|start_story|>" },
      eos: [{ id: 2, token: "<|end_story|>" }],
      pad: { id: 0, token: "<unk>" },
    });
  },
);

testWithData(
  "--model takes an adapter whose model is on the hub",
  { data: "golden" },
  async (golden) => {
    await using folder = await temporaryFolder();
    const base = join(golden, "models", "qwen3");
    await using test = await hubWith(base, { home: join(folder.path, "hf") });
    const saved = join(golden, "adapters", "lora_nonzero_b");
    const adapter = join(folder.path, "adapter");
    await copyFolder(saved, adapter);
    const configPath = join(adapter, "adapter_config.json");
    const config = JSON.parse(await Deno.readTextFile(configPath));
    await Deno.writeTextFile(
      configPath,
      JSON.stringify({ ...config, base_model_name_or_path: ID }),
    );
    const idsOf = async (model: string) => {
      const { stdout, stderr } = await runCli([
        ...["generate", "--model", model, "--prompt-ids", "5,6,7", "--max-tokens", "8"],
        ...["--temperature", "0", "--ignore-eos", "--device", "native", "--json"],
      ], { env: test.env });
      return { ids: JSON.parse(stdout).ids, stderr };
    };
    const first = await idsOf(adapter);
    assert.match(first.stderr, /^downloading "Org\/tiny" from http:/);
    assert.notDeepEqual(first.ids, (await idsOf(base)).ids);
    const info = await runCli(["model", "info", adapter], { env: test.env });
    assert.match(info.stdout, /^base model +Org\/tiny$/m);
    assert.match(info.stdout, /^supported +yes$/m);
  },
);

/** Three tokens, spelled as characters. */
const TOKENIZER = JSON.stringify({
  version: "1.0",
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: { type: "BPE", vocab: { a: 0, b: 1, c: 2 }, merges: [] },
});
