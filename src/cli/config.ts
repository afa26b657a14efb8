/**
 * `config`: settings, where they come from and what there are.
 *
 * @module
 */

import type { Command } from "commander";
import { UserError } from "../utils/errors.ts";
import { resolveSettings } from "../utils/settings/layers.ts";
import type { AnySettings } from "../utils/settings/setting.ts";
import { nearest } from "../utils/settings/spelling.ts";
import { printSettings, warnOfSettings } from "./config_options.ts";
import { pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { readConfig, readHome } from "./settings_layer.ts";
import { settingsSchemaText } from "./settings_schema.ts";
import { SECTIONS } from "./settings_sections.ts";
import { write } from "./terminal.ts";

/** Adds `config` to `program`. */
export function registerConfig(program: Command): void {
  const config = program.command("config")
    .description("Show the settings that files give, and the schema of these files.");
  registerShow(config);
  const schema = config.command("schema")
    .description("Print the JSON Schema of files of settings, by which editors check and complete.")
    .action(() => write(settingsSchemaText()));
  addExamples(schema, ["llm-training config schema > llm-training.schema.json"]);
  addExamples(config, [
    "llm-training config show",
    "llm-training config show --config run.yaml --json",
    "llm-training config schema > llm-training.schema.json",
  ]);
}

function registerShow(config: Command): void {
  const show = config.command("show")
    .description(
      "Print every setting of a command, its value and where that comes from, and check the files. " +
        "train and serve do the same with --print-config, flags included.",
    )
    .argument("[command]", "the command whose settings are shown", "train")
    .option("--config <file>", "a file of settings, JSON or YAML")
    .option("--json", "print one JSON object")
    .action(async (command: string, options: { config?: string; json?: boolean }) => {
      const table = tableOf(command);
      const reader = { command, table, context: pathContext(), onWarning: warnOfSettings };
      const home = await readHome(reader);
      const layers = [home, await readConfig(options.config, reader)];
      printSettings(resolveSettings(table, layers), { table, json: options.json ?? false });
    });
  addExamples(show, [
    "llm-training config show",
    "llm-training config show serve --config run.yaml --json",
  ]);
}

function tableOf(command: string): AnySettings {
  const settings = Object.hasOwn(SECTIONS, command) ? SECTIONS[command]?.settings : undefined;
  if (settings) return settings;
  const names = Object.keys(SECTIONS).filter((name) => SECTIONS[name]?.settings);
  const meant = nearest(command, names);
  throw new UserError(
    `Cannot show the settings of "${command}": ${
      meant === undefined ? `it must be one of ${names.join(", ")}` : `did you mean "${meant}"?`
    }`,
  );
}
