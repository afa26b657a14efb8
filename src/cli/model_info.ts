/**
 * `model info`: what there is to know of a model before it is run.
 *
 * @module
 */

import type { Command } from "commander";
import {
  describeConfig,
  describeModel,
  type ModelInfo,
  type SpecialToken,
} from "../models/stored/model_info.ts";
import { type ResolvedModel, resolveModel } from "../models/stored/resolve_model.ts";
import { UserError } from "../utils/errors.ts";
import { formatBytes, formatCount } from "../utils/format.ts";
import { pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";

/** Adds `model info` to `model`. */
export function registerModelInfo(model: Command): void {
  const command = model.command("info <model>")
    .description(
      "Show what a model is and whether it can be run and trained here, or exactly why not. Of a model on the " +
        "hub, what is in the cache is looked at.",
    )
    .option("--json", "print one JSON object")
    .action((name: string, options: { readonly json?: boolean }) => info(name, options));
  addExamples(command, [
    "llm-training model info runs/my-run",
    "llm-training model info Qwen/Qwen3-0.6B --json",
    "llm-training model info 5m",
  ]);
}

async function info(name: string, { json = false }: { readonly json?: boolean }): Promise<void> {
  const found = await resolveModel(name, { context: pathContext() });
  const description = await describe(found);
  const path = found.kind === "preset" ? null : found.path;
  if (json) {
    const { id, kind, why } = found;
    return print(JSON.stringify({ model: id, kind, path, found: why, ...snakeCase(description) }));
  }
  const lines = table({ found, info: description });
  const width = Math.max(...lines.map(([key]) => key.length)) + 2;
  for (const [key, value] of lines) print(`${key.padEnd(width)}${value}`);
}

async function describe(found: ResolvedModel): Promise<ModelInfo> {
  switch (found.kind) {
    case "preset":
      return describeConfig(found.preset.config);
    case "gguf":
    case "folder":
    case "run":
    case "hub":
      return await describeModel(found.path, { findBase });
  }
}

async function findBase(name: string): Promise<string> {
  const found = await resolveModel(name, { context: pathContext() });
  if (found.kind === "preset") throw new UserError(`Cannot find base model "${name}"`);
  return found.path;
}

type Line = readonly [key: string, value: string];

function table(
  { found, info }: { readonly found: ResolvedModel; readonly info: ModelInfo },
): readonly Line[] {
  const { tokenizer, generation, adapter, problem } = info;
  const unknown = "unknown";
  const count = (value: number | null) => value === null ? unknown : value.toLocaleString("en");
  const recommended = Object.entries(generation).map(([key, value]) =>
    `${key} ${JSON.stringify(value)}`
  );
  return [
    ["model", found.id],
    ["found", found.why],
    ...found.kind === "preset" ? [] : [["path", found.path] as const],
    ...adapter === null ? [] : [
      [
        "adapter",
        `${adapter.variant} of rank ${adapter.rank}, ${count(adapter.parameters)} parameters`,
      ] as const,
      ["base model", adapter.base ?? unknown] as const,
    ],
    ["architecture", `${info.modelType ?? unknown} (${info.architecture ?? "no class named"})`],
    [
      "parameters",
      info.parameters === null
        ? unknown
        : `${count(info.parameters)} (${formatCount(info.parameters)})`,
    ],
    ...found.kind === "preset" ? [] : [
      ["dtype", info.dtypes.join(", ") || unknown] as const,
      ["size on disk", formatBytes(info.sizeBytes ?? 0)] as const,
    ],
    ["context", `${count(info.contextLength)} tokens`],
    ["vocabulary", `${count(info.vocabulary)} ids`],
    ...tokenizerLines(tokenizer, found),
    ["generation", recommended.join(", ") || "no recommendations"],
    ["supported", problem === null ? "yes" : `no: ${problem}`],
  ];
}

function tokenizerLines(
  tokenizer: ModelInfo["tokenizer"],
  { kind }: ResolvedModel,
): readonly Line[] {
  if (tokenizer === null) {
    return [["tokenizer", kind === "preset" ? "made from the data it is trained on" : "none"]];
  }
  return [
    ["tokenizer", `${tokenizer.vocabulary.toLocaleString("en")} tokens`],
    ["chat template", tokenizer.chatTemplate ? "its own" : "none of its own"],
    ["special tokens", specialTokens(tokenizer)],
  ];
}

function specialTokens(
  { bos, eos, pad }: NonNullable<ModelInfo["tokenizer"]>,
): string {
  const shown = ({ id, token }: SpecialToken) => `${JSON.stringify(token)} (${id})`;
  return [
    `begin ${bos === null ? "none" : shown(bos)}`,
    `end ${eos.map(shown).join(" ") || "none"}`,
    `padding ${pad === null ? "none" : shown(pad)}`,
  ].join(", ");
}

/** Gives the keys of our own objects the spelling of JSON output; what `generation` holds keeps its keys. */
function snakeCase(info: ModelInfo): Record<string, unknown> {
  const { tokenizer, ...rest } = info;
  return { ...withSnakeKeys(rest), tokenizer: tokenizer && withSnakeKeys(tokenizer) };
}

function withSnakeKeys(object: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).map((
      [key, value],
    ) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );
}
