import assert from "node:assert/strict";
import { join } from "node:path";
import { hubSettings } from "../../../src/models/hub/settings.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

Deno.test("hubSettings() reads the variables of Hugging Face's tools", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const read = (env: Record<string, string>) => hubSettings({ env: { HOME: cwd, ...env }, cwd });
  assert.deepEqual(await read({}), {
    endpoint: "https://huggingface.co",
    cache: join(cwd, ".cache", "huggingface", "hub"),
    token: undefined,
    offline: false,
  });
  const mirror = await read({ HF_ENDPOINT: "https://hub.example/", HF_HUB_CACHE: "/c" });
  assert.deepEqual([mirror.endpoint, mirror.cache], ["https://hub.example", "/c"]);
  for (const yes of ["1", "ON", "yes", "True"]) {
    assert.ok((await read({ HF_HUB_OFFLINE: yes })).offline, yes);
  }
  assert.ok(!(await read({ HF_HUB_OFFLINE: "0" })).offline);
  for (const endpoint of ["hub.example", "file:///etc"]) {
    await assert.rejects(
      read({ HF_ENDPOINT: endpoint }),
      /Cannot use HF_ENDPOINT ".*": it must be/,
    );
  }
});

Deno.test("hubSettings() takes the token of the environment, else the saved one", async () => {
  await using folder = await temporaryFolder();
  const env = { HF_HOME: folder.path };
  const token = async (more: Record<string, string> = {}) =>
    (await hubSettings({ env: { ...env, ...more }, cwd: folder.path })).token;
  assert.equal(await token(), undefined);
  await Deno.writeTextFile(join(folder.path, "token"), "hf_saved\n");
  assert.equal(await token(), "hf_saved");
  assert.equal(await token({ HF_TOKEN: "hf_given" }), "hf_given");
  assert.equal(await token({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }), undefined);
  await Deno.writeTextFile(join(folder.path, "other"), "hf_other");
  assert.equal(await token({ HF_TOKEN_PATH: join(folder.path, "other") }), "hf_other");
});
