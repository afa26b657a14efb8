/**
 * `data`: data sets before they are trained on.
 *
 * @module
 */

import type { Command } from "commander";
import { registerDataConvert } from "./data_convert.ts";
import { registerDataGenerate } from "./data_generate.ts";
import { registerDataPreview } from "./data_preview.ts";
import { registerDataSplit } from "./data_split.ts";
import { registerDataStats } from "./data_stats.ts";
import { registerDataValidate } from "./data_validate.ts";
import { addExamples } from "./program.ts";

/** Adds `data` and its commands to `program`. */
export function registerData(program: Command): void {
  const data = program.command("data").description(
    "Look at data sets before they are trained on, and make some.",
  );
  addExamples(data, [
    "llm-training data validate data.jsonl",
    "llm-training data preview data.jsonl --model Qwen/Qwen3-0.6B",
    "llm-training data stats data.jsonl --model Qwen/Qwen3-0.6B",
    "llm-training data split data.jsonl --eval 0.1 --output-dir split",
    "llm-training data generate --skill tiny_world --rows 3000 --output data.jsonl",
  ]);
  registerDataValidate(data);
  registerDataPreview(data);
  registerDataStats(data);
  registerDataSplit(data);
  registerDataConvert(data);
  registerDataGenerate(data);
}
