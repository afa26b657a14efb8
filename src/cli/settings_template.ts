/**
 * A file of settings to begin with: every line explained, and none in force.
 *
 * @module
 */

import type { AnySetting } from "../utils/settings/setting.ts";
import { defaultWords } from "../utils/settings/setting.ts";
import { GROUPS, SECTIONS, SHARED_SETTINGS, TRAIN_SETTINGS } from "./settings_sections.ts";

/** Options of {@linkcode settingsTemplate}. */
export interface SettingsTemplateOptions {
  /** Every setting instead of those that most people change. @default {false} */
  readonly all?: boolean;
}

/** The settings that most people change, by section; those of `train` lie at the top of the file. */
const COMMON: Readonly<Record<string, readonly string[]>> = {
  train: [
    ...["model", "dataset", "device", "threads", "epochs", "maxSteps", "batchSize"],
    ...["gradientAccumulationSteps", "learningRate", "maxLength", "loraRank", "packing"],
    ...["evalSplit", "evalSteps", "saveSteps", "samplePrompts", "seed"],
  ],
  serve: ["model", "host", "port", "weights", "name", "maxQueue"],
  daemon: ["policy", "fixedSet", "port", "generateSkill", "minFreeBytes"],
  retention: ["keepLatest", "bestMetrics", "maxSizeGb", "stateMaxAgeHours"],
  backup: ["destination", "at", "keepLast", "recipients"],
};

/** Values to show where a setting has no default. */
const EXAMPLES: Readonly<Record<string, unknown>> = { model: "smollm2", dataset: "data.jsonl" };

const WIDTH = 98;

/** Returns the text of the file: JSON with comments. */
export function settingsTemplate({ all = false }: SettingsTemplateOptions = {}): string {
  const top = linesOf("train", { all, settings: TRAIN_SETTINGS });
  const sections = Object.entries(SECTIONS).flatMap(([name, { help, settings }]) => {
    if (name === "train" || settings === null) return [];
    const own = Object.fromEntries(
      Object.entries(settings).map(([key, setting]) => [key, shared(key, setting)]),
    );
    return [
      "",
      ...comment(`${help[0]!.toUpperCase()}${help.slice(1)}`, ""),
      `${JSON.stringify(name)}: {`,
      ...indented(linesOf(name, { all, settings: own })),
      "},",
    ];
  });
  return `${header(all).join("\n")}
{
${indented([...top, ...sections]).join("\n")}
}
`;
}

function header(all: boolean): readonly string[] {
  return [
    ...comment(
      "The settings of this folder, which is a home of llm-training: its models, runs and files of the daemon lie here, " +
        "and commands that are called in it or below it read this file.",
      "",
    ),
    "//",
    ...comment(
      "Every line is a comment and shows the default. Take the slashes away to change it. Flags and --config go before " +
        "this file; llm-training config show says what holds, and where it comes from.",
      "",
    ),
    ...(all ? [] : comment(
      "These are the settings that most people change: llm-training init --all writes all of them.",
      "",
    )),
  ];
}

/** What is at the top of the file holds for some other commands too. */
function shared(key: string, setting: AnySetting): AnySetting {
  if (!SHARED_SETTINGS.includes(key)) return setting;
  return { ...setting, help: `${setting.help}; without it, as above` };
}

function linesOf(
  section: string,
  { all, settings }: {
    readonly all: boolean;
    readonly settings: Readonly<Record<string, AnySetting>>;
  },
): readonly string[] {
  const keys = all ? Object.keys(settings) : COMMON[section] ?? [];
  return keys.flatMap((key, i) => {
    const setting = settings[key]!;
    const value = setting.default === undefined ? EXAMPLES[key] ?? null : setting.default;
    const group = GROUPS[key];
    return [
      ...(i === 0 ? [] : [""]),
      ...comment(helpOf(setting), ""),
      ...(group === undefined ? [`// ${JSON.stringify(key)}: ${JSON.stringify(value)},`] : [
        `${JSON.stringify(key)}: {`,
        ...indented(linesOf(key, { all, settings: group })),
        "},",
      ]),
    ];
  });
}

function helpOf(setting: AnySetting): string {
  const choices = setting.kind === "choice" ? `: ${setting.choices.join(", ")}` : "";
  const words = setting.default === null ? defaultWords(setting) : undefined;
  const open = words === undefined || words === "none" ? "" : ` (null: ${words})`;
  return `${setting.help}${choices}${open}`;
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line === "" ? "" : `  ${line}`);
}

/** A comment, broken into lines. */
function comment(text: string, indent: string): readonly string[] {
  const lines: string[] = [];
  let line = `${indent}//`;
  for (const word of text.split(" ")) {
    if (line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = `${indent}//`;
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
