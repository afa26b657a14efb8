import assert from "node:assert/strict";
import { join } from "node:path";
import { MODEL_ALIASES } from "../../../src/models/aliases.ts";
import { parseHubReference } from "../../../src/models/hub/reference.ts";
import { PRESETS } from "../../../src/models/presets.ts";
import { type HubDownload, resolveModel } from "../../../src/models/stored/resolve_model.ts";
import { homePaths } from "../../../src/utils/paths.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

/** An empty home, cache and current folder, and a way to put models there. */
async function setUp(env: Readonly<Record<string, string>> = {}) {
  const folder = await temporaryFolder();
  const cwd = join(folder.path, "cwd");
  const home = join(folder.path, "home");
  const hub = join(folder.path, "hub");
  await Deno.mkdir(cwd);
  const context = {
    env: { LLM_TRAINING_HOME: home, HF_HUB_CACHE: hub, HOME: folder.path, ...env },
    cwd,
  };
  return {
    context,
    home,
    hub,
    async place(...parts: string[]) {
      const path = join(folder.path, ...parts);
      await Deno.mkdir(path, { recursive: true });
      for (const name of ["config.json", "model.safetensors"]) {
        await Deno.writeTextFile(join(path, name), "{}");
      }
      return path;
    },
    async ref(repository: string, { revision = "main", commit }: Record<string, string>) {
      const path = join(hub, repository, "refs");
      await Deno.mkdir(path, { recursive: true });
      await Deno.writeTextFile(join(path, revision), commit!);
    },
    find: async (name: string) => {
      const found = await resolveModel(name, { context });
      return found.kind === "preset" ? found.id : found.path;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test("resolveModel() looks in the folder, the home, ./models and the Hugging Face cache", async () => {
  await using test = await setUp();
  const snapshot = await test.place("hub", "models--Org--tiny", "snapshots", "abc");
  await test.ref("models--Org--tiny", { commit: "abc" });
  const { why, ...found } = await resolveModel("Org/tiny", test);
  assert.deepEqual(found, { kind: "hub", id: "Org/tiny", path: snapshot });
  assert.equal(why, `"Org/tiny" in the cache "${test.hub}"`);
  const local = await test.place("cwd", "models", "small");
  assert.equal(await test.find("small"), local);
  const inHome = await test.place("home", "models", "small");
  assert.equal(await test.find("small"), inHome);
  const direct = await test.place("cwd", "small");
  assert.equal(await test.find("small"), direct);
  assert.equal(await test.find(join("..", "cwd", "small")), direct);
  await assert.rejects(test.find("nothing"), (error: Error) => {
    assert.equal(error.name, "UserError");
    const places = [
      join(test.context.cwd, "nothing"),
      join(homePaths(test.home).models, "nothing"),
    ];
    for (const path of places) assert.ok(error.message.includes(path), error.message);
    assert.match(error.message, /neither a preset \(demo, .*\) nor an alias/);
    return true;
  });
  await assert.rejects(test.find("models"), /it has no config\.json/);
  await assert.rejects(test.find(""), /Cannot find model ""/);
});

Deno.test("resolveModel() finds the folder of an adapter", async () => {
  await using test = await setUp();
  const path = join(test.context.cwd, "models", "mine");
  await Deno.mkdir(path, { recursive: true });
  await Deno.writeTextFile(join(path, "adapter_config.json"), "{}");
  assert.equal(await test.find("mine"), path);
});

Deno.test("resolveModel() takes revisions by branch and by commit", async () => {
  await using test = await setUp();
  const commit = "c".repeat(40);
  const old = await test.place("hub", "models--Org--tiny", "snapshots", commit);
  await test.ref("models--Org--tiny", { revision: "v1", commit });
  assert.equal(await test.find("Org/tiny@v1"), old);
  assert.equal(await test.find(`Org/tiny@${commit}`), old);
  await assert.rejects(test.find("Org/tiny"), /not whole in the cache .*model pull Org\/tiny$/);
});

Deno.test("resolveModel() knows aliases and presets, and folders of their names go before them", async () => {
  await using test = await setUp();
  await assert.rejects(
    test.find("qwen3"),
    /"Qwen\/Qwen3-0\.6B", which "qwen3" is short for, is not whole in the cache .* pull qwen3$/,
  );
  const snapshot = await test.place("hub", "models--Qwen--Qwen3-0.6B", "snapshots", "abc");
  await test.ref("models--Qwen--Qwen3-0.6B", { commit: "abc" });
  assert.equal(await test.find("qwen3"), snapshot);
  assert.equal((await resolveModel("5m", test)).kind, "preset");
  const folder = await test.place("cwd", "5m");
  assert.equal(await test.find("5m"), folder);
  const presetsFirst = await resolveModel("5m", { ...test, presetsFirst: true });
  assert.equal(presetsFirst.kind, "preset");
  const named = await test.place("cwd", "qwen3");
  assert.equal(await test.find("qwen3"), named);
});

Deno.test("resolveModel() passes .gguf files on", async () => {
  await using test = await setUp();
  const path = join(test.context.cwd, "tiny.gguf");
  await Deno.writeTextFile(path, "GGUF");
  const { why: _, ...found } = await resolveModel("tiny.gguf", test);
  assert.deepEqual(found, { kind: "gguf", id: "tiny", path });
  await assert.rejects(test.find("other.gguf"), /Cannot find model "other\.gguf": looked for/);
});

Deno.test("resolveModel() downloads what is on the hub only", async () => {
  await using test = await setUp();
  const wanted: HubDownload[] = [];
  const download = (each: HubDownload) => {
    wanted.push(each);
    return Promise.resolve("/downloaded");
  };
  const options = { ...test, download, part: "tokenizer" } as const;
  const found = await resolveModel("Org/tiny@v1", options);
  assert.equal(found.kind === "hub" && found.path, "/downloaded");
  assert.deepEqual(wanted.map(({ reference, part }) => ({ reference, part })), [
    { reference: { repository: "Org/tiny", revision: "v1" }, part: "tokenizer" },
  ]);
  await Deno.mkdir(join(test.context.cwd, "runs"));
  await Deno.mkdir(join(test.context.cwd, "mistral"));
  await assert.rejects(
    resolveModel("runs/none", options),
    /Cannot find model "runs\/none": looked/,
  );
  await assert.rejects(resolveModel("mistral", options), /it has no config\.json/);
  assert.equal(wanted.length, 1);
});

Deno.test("resolveModel() downloads nothing offline", async () => {
  await using test = await setUp({ HF_HUB_OFFLINE: "1" });
  const download = () => Promise.reject(new Error("asked"));
  await assert.rejects(
    resolveModel("Org/tiny", { ...test, download }),
    /^UserError: Cannot find model "Org\/tiny": .* HF_HUB_OFFLINE is set, so it is not downloaded$/,
  );
});

Deno.test("MODEL_ALIASES name repositories, and no presets", () => {
  for (const [alias, repository] of Object.entries(MODEL_ALIASES)) {
    assert.deepEqual(parseHubReference(repository), { repository, revision: "main" });
    assert.ok(!Object.hasOwn(PRESETS, alias), alias);
    assert.match(alias, /^[a-z0-9.-]+$/);
  }
});
