import assert from "node:assert/strict";
import { join } from "node:path";
import { settingsSchema } from "../../src/cli/settings_schema.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

Deno.test("config schema prints the schema", async () => {
  const { status, stdout } = await runCli(["config", "schema"]);
  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(stdout), settingsSchema());
});

Deno.test("config show prints the settings of a command, and suggests the one that was meant", async () => {
  await using folder = await temporaryFolder();
  const env = { LLM_TRAINING_HOME: folder.path };
  const file = join(folder.path, "llm-training.json");
  await Deno.writeTextFile(file, '{"model": "a", "serve": {"model": "b"}}');
  const train = await runCli(["config", "show"], { env });
  assert.match(train.stdout, new RegExp(`^model +a +home ${file}:1:2$`, "m"));
  const serve = await runCli(["config", "show", "serve"], { env });
  assert.match(serve.stdout, new RegExp(`^model +\\["b"\\] +home ${file}:1:26$`, "m"));
  const misspelt = await runCli(["config", "show", "srve"], { env });
  assert.equal(misspelt.status, 1);
  assert.match(misspelt.stderr, /settings of "srve": did you mean "serve"\?/);
});

Deno.test("serve without a model says how to name one, in one line", async () => {
  await using folder = await temporaryFolder();
  const { status, stderr } = await runCli(["serve"], { env: { LLM_TRAINING_HOME: folder.path } });
  assert.equal(status, 1);
  assert.match(stderr, /^error: Cannot serve without a model: give --model <model>.*\n$/);
});
