/**
 * `model`: models before and after they are trained.
 *
 * @module
 */

import type { Command } from "commander";
import { registerModelExport } from "./model_export.ts";
import { registerModelInfo } from "./model_info.ts";
import { registerModelMerge } from "./model_merge.ts";
import { registerModelPull } from "./model_pull.ts";
import { addExamples } from "./program.ts";

/** Adds `model` and its commands to `program`. */
export function registerModel(program: Command): void {
  const model = program.command("model").description(
    "Download models, look at them, merge adapters into them and write them for other programs.",
  );
  addExamples(model, [
    "llm-training model pull qwen3",
    "llm-training model info Qwen/Qwen3-0.6B",
    "llm-training model merge --adapter runs/adapter --output models/merged",
  ]);
  registerModelPull(model);
  registerModelInfo(model);
  registerModelMerge(model);
  registerModelExport(model);
}
