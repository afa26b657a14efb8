/**
 * `model export`: a model in the form that other programs read.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { existsSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { exportOnnxFolder } from "../inference/onnx_export/export_folder.ts";
import { ONNX_TYPES, type OnnxType } from "../inference/onnx_export/weight_types.ts";
import { exportGguf, type GgufFileType } from "../models/export/to_gguf.ts";
import { exportOllama, MODELFILE } from "../models/export/to_ollama.ts";
import {
  exportSafetensors,
  SAFETENSORS_EXPORT_TYPES,
  type SafetensorsExportType,
} from "../models/export/to_safetensors.ts";
import { CONFIG_FILE } from "../models/hub/files.ts";
import { openStoredModel, type StoredModel } from "../models/stored/stored_model.ts";
import { writeFileAtomic } from "../utils/atomic_file.ts";
import { UserError } from "../utils/errors.ts";
import { formatBytes } from "../utils/format.ts";
import { interruptible } from "./interrupt.ts";
import { findModelAndAdapter, MODEL_HELP, pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { print, printError, writeError } from "./terminal.ts";

/** Every form that a model can be exported in. */
export const EXPORT_TARGETS = ["safetensors", "gguf", "onnx", "ollama"] as const;

/** A form that a model can be exported in. */
export type ExportTarget = (typeof EXPORT_TARGETS)[number];

/** What is written, and where. */
interface ExportJob {
  readonly source: StoredModel;
  readonly path: string;
  readonly name: string;
  readonly type: string;
  readonly onProgress: (done: number, total: number) => void;
}

/** How a model is written in one form. */
interface TargetEntry {
  /** The types of weights that it may have, the first unless told otherwise. */
  readonly types: readonly [string, ...string[]];
  /** Whether it is a folder; the file by which one that is there is known. */
  readonly folderMark: string | null;
  /** Writes it and returns what other programs do otherwise. */
  readonly write: (job: ExportJob) => Promise<readonly string[]>;
}

const GGUF_TYPES: readonly [GgufFileType, ...GgufFileType[]] = ["f16", "f32", "q8_0", "q4_0"];

/** How each form is written. */
const TARGETS: Readonly<Record<ExportTarget, TargetEntry>> = {
  safetensors: {
    types: SAFETENSORS_EXPORT_TYPES,
    folderMark: CONFIG_FILE,
    write: async ({ source, type, ...options }) => {
      await exportSafetensors(source, { ...options, type: type as SafetensorsExportType });
      return [];
    },
  },
  gguf: {
    types: GGUF_TYPES,
    folderMark: null,
    write: async ({ source, path, type, ...options }) => {
      const { model, tokenizer } = source;
      const { content, warnings } = exportGguf({
        model,
        tokenizer,
        weights: () => source.weights(),
        type: type as GgufFileType,
        ...options,
      });
      await writeFileAtomic(path, content);
      return warnings;
    },
  },
  onnx: {
    types: ONNX_TYPES,
    folderMark: CONFIG_FILE,
    write: async ({ source, path, type, onProgress }) => {
      await exportOnnxFolder(source, { path, type: type as OnnxType, onProgress });
      return [];
    },
  },
  ollama: {
    types: GGUF_TYPES,
    folderMark: MODELFILE,
    write: ({ source, type, ...options }) =>
      exportOllama(source, { ...options, type: type as GgufFileType }),
  },
};

interface ExportOptions {
  readonly model: string;
  readonly adapter?: string;
  readonly to: ExportTarget;
  readonly type?: string;
  readonly output: string;
  readonly force?: true;
  readonly json?: true;
}

/** Adds `export` to the command `model`. */
export function registerModelExport(model: Command): void {
  const types = [...new Set(Object.values(TARGETS).flatMap((target) => target.types))];
  const command = model.command("export")
    .summary("Write a model as other programs read it")
    .description(
      "Write a model, with an adapter in it if there is one, in a form that other programs read: safetensors (a " +
        "Hugging Face folder), gguf (a file for llama.cpp and what is built on it), onnx (a folder for " +
        "transformers.js, to which other types can be added with --force) or ollama (a folder with a GGUF file and " +
        "a Modelfile). Tokenizer and chat template go along.",
    )
    .requiredOption("--model <model>", MODEL_HELP)
    .option(
      "--adapter <adapter>",
      "an adapter's folder, or the run that trained it, to put into the model",
    )
    .addOption(
      new Option("--to <form>", "what to write").choices(EXPORT_TARGETS).makeOptionMandatory(),
    )
    .addOption(
      new Option(
        "--type <type>",
        "the type of the weights (default: f32 for safetensors and onnx, else f16); q4_0 of gguf keeps embeddings as q8_0",
      ).choices(types),
    )
    .requiredOption("--output <path>", "the folder or file to write")
    .option("--force", "replace what is there from an earlier export")
    .option("--json", "print one JSON object")
    .action((options: ExportOptions) =>
      interruptible((signal) => exportModel(command, { ...options, signal }))
    );
  addExamples(command, [
    "llm-training model export --model runs/my-run --to gguf --type q8_0 --output my-model.gguf",
    "llm-training model export --model smollm2 --adapter runs/my-run --to ollama --output my-model",
    "llm-training model export --model model.gguf --to safetensors --output my-model",
  ]);
}

async function exportModel(
  command: Command,
  options: ExportOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { to, json = false, signal } = options;
  const target = TARGETS[to];
  const type = options.type ?? target.types[0];
  if (!target.types.includes(type)) {
    return command.error(
      `error: --type of ${to} must be one of ${target.types.join(", ")}: it is ${type}`,
    );
  }
  const context = pathContext();
  const path = resolve(context.cwd, options.output);
  checkOutput(path, { target, to, force: options.force ?? false });
  const { folder, adapter, id } = await findModelAndAdapter(options, { context });
  if ([folder, adapter].some((each) => each !== undefined && isInside(each, path))) {
    throw new UserError(`Cannot write "${path}": the model to export lies there`);
  }
  using source = await openStoredModel(folder, { adapter });
  const name = id.split("/").at(-1)!;
  const progress = createProgress(signal);
  const warnings = await target.write({ source, path, name, type, onProgress: progress.update });
  progress.clear();
  const bytes = sizeOf(path);
  if (json) {
    print(JSON.stringify({ model: id, to, type, output: path, bytes, warnings }));
    return;
  }
  for (const warning of warnings) printError(`warning: ${warning}`);
  print(`wrote ${path} (${formatBytes(bytes)}, ${type})`);
}

/**
 * Looks whether something is in the way.
 *
 * @throws {UserError} If something is that --force does not allow to be replaced, or is no earlier export.
 */
function checkOutput(
  path: string,
  { target, to, force }: {
    readonly target: TargetEntry;
    readonly to: ExportTarget;
    readonly force: boolean;
  },
): void {
  if (!existsSync(path)) return;
  const isFolder = statSync(path).isDirectory();
  if (target.folderMark === null && isFolder) {
    throw new UserError(`Cannot write "${path}": it is a folder; name a file, such as model.gguf`);
  }
  if (target.folderMark !== null && !isFolder) {
    throw new UserError(`Cannot write "${path}": it is a file; ${to} is a folder`);
  }
  if (!force) {
    throw new UserError(`Cannot write "${path}": it is there already; add --force to replace it`);
  }
  if (target.folderMark !== null && !existsSync(join(path, target.folderMark))) {
    throw new UserError(
      `Cannot replace "${path}": it holds no ${target.folderMark}, so it is no earlier export; remove it yourself`,
    );
  }
}

/** Whether `path` is `folder` or lies in it. */
function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || !/^\.\.(?:[/\\]|$)/.test(way) && resolve(folder, way) === path;
}

/** Shows how far the writing is, on a terminal, and stops it when the signal says so. */
function createProgress(signal: AbortSignal): {
  readonly update: (done: number, total: number) => void;
  readonly clear: () => void;
} {
  const live = Deno.stderr.isTerminal();
  return {
    update(done, total) {
      signal.throwIfAborted();
      if (live) writeError(`\r\x1b[Kwriting weight ${done} of ${total}`);
    },
    clear() {
      if (live) writeError("\r\x1b[K");
    },
  };
}

function sizeOf(path: string): number {
  const { isFile, size } = Deno.statSync(path);
  if (isFile) return size;
  return [...Deno.readDirSync(path)].reduce(
    (total, { name }) => total + sizeOf(join(path, name)),
    0,
  );
}
