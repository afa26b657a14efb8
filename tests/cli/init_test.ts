import assert from "node:assert/strict";
import { join } from "node:path";
import { readLayer } from "../../src/cli/settings_layer.ts";
import { SECTIONS, TRAIN_SETTINGS } from "../../src/cli/settings_sections.ts";
import { settingsTemplate } from "../../src/cli/settings_template.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

/** A line that would be a setting. */
const SETTING = /^ *\/\/ ("\w+": .*,)$/;

Deno.test("init writes a file that changes nothing, and never over another without --force", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "new", "llm-training.json");
  const env = { LLM_TRAINING_HOME: "" };
  const options = { cwd: folder.path, env };
  const made = await runCli(["init", "new"], options);
  assert.deepEqual([made.status, made.stderr], [0, ""]);
  assert.match(made.stdout, /^wrote .*llm-training\.json\n.*cd new && llm-training config show\n$/);

  const show = await runCli(["config", "show", "--json"], { cwd: join(folder.path, "new"), env });
  assert.equal(show.status, 0, show.stderr);
  const sources = Object.values(JSON.parse(show.stdout) as Record<string, { source: string }>);
  assert.ok(sources.every(({ source }) => source === "default"));

  await Deno.writeTextFile(path, "{}");
  const again = await runCli(["init", "new"], options);
  assert.deepEqual([again.status, await Deno.readTextFile(path)], [1, "{}"]);
  assert.match(again.stderr, /it is there already; add --force/);
  assert.equal((await runCli(["init", "new", "--force"], options)).status, 0);
  assert.equal(await Deno.readTextFile(path), settingsTemplate());
});

Deno.test("init says when another home goes before the one it made", async () => {
  await using folder = await temporaryFolder();
  const { status, stderr } = await runCli(["init", folder.path]);
  assert.equal(status, 0);
  assert.match(stderr, /^warning: LLM_TRAINING_HOME is set to .*unset it/);
});

Deno.test("settingsTemplate() has every setting, and each of its lines can be put in force", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "llm-training.json");
  for (const all of [false, true]) {
    const lines = settingsTemplate({ all }).split("\n");
    await Deno.writeTextFile(path, lines.map((line) => line.replace(SETTING, "$1")).join("\n"));
    for (const [command, { settings }] of Object.entries(SECTIONS)) {
      const table = command === "train" ? TRAIN_SETTINGS : settings!;
      const context = { env: {}, cwd: folder.path };
      const layer = { command, table, context, origin: "home", onWarning: assert.fail } as const;
      const given = await readLayer(path, layer);
      if (all) assert.deepEqual(Object.keys(given).sort(), Object.keys(table).sort());
      for (const [key, { value }] of Object.entries(given)) {
        const { default: standard } = table[key]!;
        if (standard !== undefined) assert.deepEqual(value, standard, `${command} ${key}`);
      }
    }
  }
});

Deno.test("settingsTemplate() keeps its lines short", () => {
  for (const line of settingsTemplate({ all: true }).split("\n")) {
    assert.ok(line.length <= 104, line);
  }
});
