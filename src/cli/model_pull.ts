/**
 * `model pull`: a model from the hub into the cache.
 *
 * @module
 */

import type { Command } from "commander";
import { findAlias, MODEL_ALIASES } from "../models/aliases.ts";
import { downloadModel } from "../models/hub/download_model.ts";
import {
  formatReference,
  type HubReference,
  isRevision,
  parseHubReference,
} from "../models/hub/reference.ts";
import { hubSettings } from "../models/hub/settings.ts";
import { UserError } from "../utils/errors.ts";
import { formatBytes } from "../utils/format.ts";
import { createDownloadDisplay } from "./download_progress.ts";
import { interruptible } from "./interrupt.ts";
import { pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";

interface PullOptions {
  readonly revision?: string;
  readonly json?: boolean;
}

/** Adds `model pull` to `model`. */
export function registerModelPull(model: Command): void {
  const command = model.command("pull <id>")
    .description(
      "Download a model from the Hugging Face hub into the cache, or what is missing of it, and print its " +
        "folder. What a cut has left is gone on with, and every file is held to its checksum.",
    )
    .option("--revision <revision>", "a branch, a tag or a commit (default: main)")
    .option("--json", "print one JSON object")
    .action((id: string, options: PullOptions) => pull(id, options));
  command.addHelpText("after", aliasHelp);
  addExamples(command, [
    "llm-training model pull Qwen/Qwen3-0.6B",
    "llm-training model pull smollm2 --json",
    "HF_TOKEN=hf_... llm-training model pull meta-llama/Llama-3.2-1B-Instruct --revision main",
  ]);
}

function aliasHelp(): string {
  const aliases = Object.entries(MODEL_ALIASES);
  const width = Math.max(...aliases.map(([alias]) => alias.length)) + 2;
  return `\nAliases:\n${aliases.map(([alias, id]) => `  ${alias.padEnd(width)}${id}`).join("\n")}`;
}

async function pull(id: string, { revision, json = false }: PullOptions): Promise<void> {
  const reference = referenceOf(id, revision);
  const settings = await hubSettings(pathContext());
  using display = createDownloadDisplay();
  const { folder, commit, downloadedBytes } = await interruptible((signal) =>
    downloadModel(reference, { settings, signal, onEvent: display.show })
  );
  const name = formatReference(reference);
  display.line(
    downloadedBytes === 0
      ? `"${name}" was already whole in the cache`
      : `"${name}": ${formatBytes(downloadedBytes)} downloaded`,
  );
  if (!json) return print(folder);
  const { repository } = reference;
  print(JSON.stringify({
    repository,
    revision: reference.revision,
    commit,
    folder,
    downloaded_bytes: downloadedBytes,
  }));
}

function referenceOf(id: string, revision: string | undefined): HubReference {
  const reference = findAlias(id) ?? parseHubReference(id);
  if (reference === undefined) {
    throw new UserError(
      `Cannot download "${id}": give owner/name, owner/name@revision or an alias; ` +
        "llm-training model pull --help lists these",
    );
  }
  if (revision === undefined) return reference;
  if (!isRevision(revision)) {
    throw new UserError(
      `Cannot download "${id}": "${revision}" cannot be a branch, a tag or a commit`,
    );
  }
  return { ...reference, revision };
}
