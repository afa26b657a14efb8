/**
 * `model`: models before and after they are trained.
 *
 * @module
 */

import type { Command } from "commander";
import { registerModelExport } from "./model_export.ts";
import { registerModelInfo } from "./model_info.ts";
import { registerModelPull } from "./model_pull.ts";
import { addExamples } from "./program.ts";

/** Adds `model` and its commands to `program`. */
export function registerModel(program: Command): void {
  const model = program.command("model").description(
    "Download models, look at them and write them for other programs.",
  );
  addExamples(model, [
    "llm-training model pull qwen3",
    "llm-training model info Qwen/Qwen3-0.6B",
  ]);
  registerModelPull(model);
  registerModelInfo(model);
  registerModelExport(model);
}
