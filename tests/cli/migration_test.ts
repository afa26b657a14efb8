import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { COMMANDS } from "../../src/cli/commands.ts";
import { createProgram } from "../../src/cli/program.ts";
import { SECTIONS, TRAIN_SETTINGS } from "../../src/cli/settings_sections.ts";
import { readSources } from "../source_files.ts";
import { commandLineProblem } from "./command_lines.ts";

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

Deno.test("docs/migration.md refers to pages that there are", () => {
  for (const [, target] of page.matchAll(/\]\(([^)#]+)/g)) {
    assert.ok(existsSync(new URL(`../../docs/${target}`, import.meta.url)), target);
  }
});
