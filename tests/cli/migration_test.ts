import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { COMMANDS } from "../../src/cli/commands.ts";
import { createProgram } from "../../src/cli/program.ts";
import { SECTIONS, TRAIN_SETTINGS } from "../../src/cli/settings_sections.ts";
import { readSources } from "../source_files.ts";
import { join } from "node:path";
import { temporaryFolder } from "../temporary_folder.ts";
import { commandLineProblem } from "./command_lines.ts";
import { runCli } from "./run_cli.ts";

const page = await Deno.readTextFile(new URL("../../docs/migration.md", import.meta.url));
const program = await createProgram("llm-training", COMMANDS.map(({ name }) => name));

const flags = new Set(
  [...commandsBelow(program)].flatMap(({ options }) => options.flatMap(({ long }) => long ?? [])),
);
const settings = new Set([
  ...Object.keys(TRAIN_SETTINGS),
  ...Object.values(SECTIONS).flatMap(({ settings }) => Object.keys(settings ?? {})),
]);

function* commandsBelow(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* commandsBelow(child);
}

/** The codes in what is said of things here: all but the left column of tables. */
function newNames(): readonly string[] {
  const prose = page.split("\n")
    .map((line) => line.startsWith("|") ? line.split(/(?<!\\)\|/).slice(2).join("|") : line)
    .join("\n");
  return Array.from(prose.matchAll(/`([^`]+)`/g), ([, code]) => code!);
}

Deno.test("docs/migration.md names commands that there are, with flags that they have", () => {
  const lines = newNames().filter((code) =>
    /^llm-(?:training|train|daemon|inference)\b/.test(code)
  );
  assert.ok(lines.length > 30);
  for (const line of lines) assert.equal(commandLineProblem(line, program), undefined, line);
});

Deno.test("docs/migration.md names flags and settings that there are", () => {
  const codes = newNames();
  const named = codes.filter((code) => /^--[a-z]/.test(code)).map((code) => code.split(" ")[0]!);
  assert.ok(named.length > 40);
  for (const flag of named) assert.ok(flags.has(flag), flag);
  const keys = codes.filter((code) => /^[a-z]+(?:[A-Z][a-z0-9]+)+$/.test(code));
  assert.ok(keys.length > 40);
  for (const key of keys) assert.ok(settings.has(key), key);
});

Deno.test("docs/migration.md names addresses of the server and variables that there are", async () => {
  const sources = (await readSources(["src"])).map(({ text }) => text).join("\n");
  const routes = newNames().flatMap((code) =>
    /^(?:GET|POST|PUT|DELETE) (\/\S+)$/.exec(code)?.[1] ?? []
  );
  assert.ok(routes.length > 4);
  for (const route of routes) assert.ok(sources.includes(`"${route}"`), route);
  for (const name of newNames().filter((code) => /^LLM_TRAINING_[A-Z_]+$/.test(code))) {
    assert.ok(sources.includes(`"${name}"`), name);
  }
});

Deno.test("config show reads a config.json of the Python platform, and tells what each key is", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "config.json");
  const old = {
    ...{ model_name: "qwen3_0.6b", model_path: "/models/Qwen3-0.6B", current_model_dir: "current" },
    ...{ batch_size: 1, gradient_accumulation: 16, learning_rate: 4e-4, warmup_steps: 100 },
    ...{ epochs: 1, load_in_4bit: false, max_length: 2048, log_steps: 200, eval_steps: 500 },
    ...{ num_eval_samples: 2, save_steps: 1000, eval_max_tokens: 4096, poll_interval: 30 },
    ...{ snapshot_time: "03:00", eval_timeout_seconds: 120, retention: { enabled: true } },
    self_correction: { enabled: true, auto_queue: true, max_examples: 200 },
    auto_generate: { enabled: true, count: 100, priority: "normal", host: "localhost", port: 8080 },
    remote_eval: { enabled: true, port: 8765, metrics: ["accuracy", "loss"] },
    curriculum: { enabled: true, target_accuracy: 0.75, current_skill: "syllo" },
    profile: { name: "none" },
    hyperparams: { fp_precision: "bf16", max_length: 2048, use_gradient_checkpointing: true },
    locked: { base_model: "Qwen/Qwen3-0.6B", vocab_size: 151936 },
  };
  await Deno.writeTextFile(path, JSON.stringify(old));
  const { status, stdout, stderr } = await runCli(["config", "show", "--config", path, "--json"]);
  assert.equal(status, 0, stderr);
  const shown = JSON.parse(stdout);
  const wanted = {
    ...{ model: "/models/Qwen3-0.6B", batchSize: 1, gradientAccumulationSteps: 16 },
    ...{ learningRate: 4e-4, warmupSteps: 100, epochs: 1, maxLength: 2048, evalSteps: 500 },
    ...{ saveSteps: 1000, gradientCheckpointing: true },
  };
  for (const [key, value] of Object.entries(wanted)) assert.equal(shown[key].value, value, key);
  assert.match(stderr, /without effect: "retention\.enabled"/);
  await Deno.writeTextFile(path, JSON.stringify({ retention: { enabled: false } }));
  const refused = await runCli(["config", "show", "--config", path]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /Cannot take "retention\.enabled" .*"pruneHours": null/);
});

Deno.test("docs/migration.md refers to pages that there are", () => {
  for (const [, target] of page.matchAll(/\]\(([^)#]+)/g)) {
    assert.ok(existsSync(new URL(`../../docs/${target}`, import.meta.url)), target);
  }
});
