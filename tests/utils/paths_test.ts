import assert from "node:assert/strict";
import { join } from "node:path";
import { hubCache, hubHome, modelFolders, resolveHome } from "../../src/utils/paths.ts";
import { temporaryFolder } from "../temporary_folder.ts";

Deno.test("resolveHome() prefers the flag, then the environment, the project, the user's folder", async () => {
  await using folder = await temporaryFolder();
  const cwd = join(folder.path, "project", "deep");
  await Deno.mkdir(cwd, { recursive: true });
  const env = { LLM_TRAINING_HOME: "/env/home", HOME: "/home/me" };
  assert.deepEqual(resolveHome({ flag: "here", env, cwd }), {
    path: join(cwd, "here"),
    source: "flag",
  });
  assert.deepEqual(resolveHome({ env, cwd }), { path: "/env/home", source: "environment" });
  assert.equal(resolveHome({ env: { HOME: "/home/me" }, cwd }).source, "user");
  await Deno.writeTextFile(join(folder.path, "project", "llm-training.json"), "{}");
  assert.deepEqual(resolveHome({ env: { HOME: "/home/me" }, cwd }), {
    path: join(folder.path, "project"),
    source: "project",
  });
});

Deno.test("resolveHome() takes each system's own folder for a user's data", () => {
  const cwd = "/";
  const home = (env: Record<string, string>, os: typeof Deno.build.os) =>
    resolveHome({ env, cwd, os }).path;
  assert.equal(home({ HOME: "/h" }, "linux"), "/h/.local/share/llm-training");
  assert.equal(home({ HOME: "/h", XDG_DATA_HOME: "/x" }, "linux"), "/x/llm-training");
  assert.equal(home({ HOME: "/h" }, "darwin"), "/h/Library/Application Support/llm-training");
  assert.equal(home({ LOCALAPPDATA: "/l", HOME: "/h" }, "windows"), "/l/llm-training");
});

Deno.test("hubCache() follows the variables of Hugging Face's tools", () => {
  const cache = (env: Record<string, string>) => hubCache({ env, cwd: "/" });
  assert.equal(cache({ HOME: "/h" }), "/h/.cache/huggingface/hub");
  assert.equal(cache({ HOME: "/h", XDG_CACHE_HOME: "/x" }), "/x/huggingface/hub");
  assert.equal(cache({ HF_HOME: "/hf", HOME: "/h" }), "/hf/hub");
  assert.equal(cache({ HF_HUB_CACHE: "/c", HF_HOME: "/hf" }), "/c");
  assert.equal(hubHome({ env: { HF_HUB_CACHE: "/c", HF_HOME: "hf" }, cwd: "/" }), "/hf");
});

Deno.test("modelFolders() are the path itself, then the home's models, then ./models", () => {
  const context = { env: { LLM_TRAINING_HOME: "/home" }, cwd: "/work" };
  assert.deepEqual(modelFolders("a", context), ["/work/a", "/home/models/a", "/work/models/a"]);
  assert.deepEqual(modelFolders("/a", context), ["/a", "/home/models/a"]);
  assert.deepEqual(modelFolders("", context), []);
});
