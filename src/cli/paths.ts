/**
 * `paths`: where things lie on disk.
 *
 * @module
 */

import type { Command } from "commander";
import { existsSync } from "node:fs";
import {
  type Home,
  HOME_VARIABLE,
  homePaths,
  hubCache,
  resolveHome,
  SETTINGS_FILE,
} from "../utils/paths.ts";
import { pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";

/** What names the home folder, in words. */
const SOURCES: Readonly<Record<Home["source"], string>> = {
  flag: "from --home",
  environment: `from the variable ${HOME_VARIABLE}`,
  project: `the nearest folder with ${SETTINGS_FILE}`,
  user: "the user's data folder",
};

/** Adds `paths` to `program`. */
export function registerPaths(program: Command): void {
  const command = program.command("paths")
    .description("Print every folder the program uses, and what decided on it.")
    .option("--home <folder>", "the home folder to tell the paths of")
    .option("--json", "print one JSON object")
    .action(printPaths);
  addExamples(command, [
    "llm-training paths",
    "LLM_TRAINING_HOME=/data/llm llm-training paths --json",
  ]);
}

function printPaths({ home: flag, json }: { home?: string; json?: boolean }): void {
  const context = { ...pathContext(), flag };
  const home = resolveHome(context);
  const paths = { home: home.path, ...homePaths(home.path), hub_cache: hubCache(context) };
  if (json) {
    print(JSON.stringify({ source: home.source, ...paths }));
    return;
  }
  const width = Math.max(...Object.keys(paths).map((name) => name.length)) + 2;
  for (const [name, path] of Object.entries(paths)) {
    const note = name === "home" ? ` (${SOURCES[home.source]})` : "";
    print(`${name.padEnd(width)}${path}${note}${existsSync(path) ? "" : " (not there yet)"}`);
  }
}
