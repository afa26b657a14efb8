/**
 * The Modelfile that makes a model in Ollama out of a GGUF file.
 * https://github.com/ollama/ollama/blob/main/docs/modelfile.md
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type Around, type ChatFormat, defaultSystem, findChatFormat } from "./chat_format.ts";

/** What a Modelfile is written from. */
export interface ModelfileSource {
  /** Name of the GGUF file beside it. */
  readonly ggufFile: string;
  /** The model's tokenizer. */
  readonly tokenizer: Tokenizer | undefined;
  /** The model's `generation_config.json`. */
  readonly generationConfig: JsonObject | undefined;
}

/** A Modelfile. */
export interface Modelfile {
  /** Its text. */
  readonly text: string;
  /** What it cannot say. */
  readonly warnings: readonly string[];
}

/** What is only put in front of the model: the words of the user as they are. */
const RAW_TEMPLATE = "{{ .Prompt }}";

/** Settings of `generation_config.json`, and what Ollama calls them. */
const PARAMETERS: Readonly<Record<string, string>> = {
  temperature: "temperature",
  top_p: "top_p",
  top_k: "top_k",
  min_p: "min_p",
  repetition_penalty: "repeat_penalty",
};

/** Writes the Modelfile of a model. */
export function writeModelfile(
  { ggufFile, tokenizer, generationConfig = {} }: ModelfileSource,
): Modelfile {
  const warnings: string[] = [];
  const lines = [`FROM ./${ggufFile}`];
  const format = tokenizer?.hasChatTemplate
    ? findChatFormat(tokenizer, addedBos(tokenizer))
    : undefined;
  const stops = new Set<string>();
  if (format === undefined || !isWritable(format)) {
    if (tokenizer?.hasChatTemplate) {
      warnings.push(
        "the chat template does more than Ollama's templates are written for here: " +
          "the Modelfile passes prompts on as they are; write its TEMPLATE by hand",
      );
    }
    lines.push(`TEMPLATE """${RAW_TEMPLATE}"""`);
  } else {
    const instruction = defaultSystem(format);
    lines.push(`TEMPLATE """${goTemplate(format, instruction)}"""`);
    if (instruction !== undefined) lines.push(`SYSTEM """${instruction}"""`);
    if (tokenizer!.chatTemplate.includes("strftime_now")) {
      warnings.push("the chat template prints the date: the TEMPLATE keeps that of today");
    }
    if (format.system.kind === "none") {
      warnings.push("the chat template has no place for a system message: Ollama leaves it out");
    }
    const end = format.assistant.behind.trim();
    if (end !== "") stops.add(end);
  }
  for (const id of tokenizer?.eosTokenIds ?? []) {
    const token = tokenizer!.decode([id], { skipSpecialTokens: false });
    if (token.trim() !== "") stops.add(token);
  }
  lines.push(...[...stops].map((stop) => `PARAMETER stop ${JSON.stringify(stop)}`));
  lines.push(...parameters(generationConfig));
  return { text: `${lines.join("\n")}\n`, warnings };
}

function parameters(generationConfig: JsonObject): string[] {
  // greedy decoding is spelled as such, whatever the other settings are
  if (generationConfig.do_sample === false) return ["PARAMETER temperature 0"];
  return Object.entries(PARAMETERS).flatMap(([key, name]) => {
    const value = generationConfig[key];
    return typeof value === "number" ? [`PARAMETER ${name} ${value}`] : [];
  });
}

/** Returns the token that llama.cpp puts before every text of this tokenizer. */
function addedBos(tokenizer: Tokenizer): string | undefined {
  const { bosTokenId } = tokenizer;
  if (bosTokenId === undefined || tokenizer.encode("a")[0] !== bosTokenId) return undefined;
  return tokenizer.decode([bosTokenId], { skipSpecialTokens: false });
}

/** Whether nothing in the format would be read as something else in a Modelfile. */
function isWritable(format: ChatFormat): boolean {
  return texts(format).every((text) => !/\{\{|\}\}|"""/.test(text));
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}

/** Writes the format in Go's template language; `instruction` is said elsewhere. */
function goTemplate(format: ChatFormat, instruction: string | undefined): string {
  const { start, withoutSystem, system, user, assistant, generationPrompt } = format;
  const turn = ({ before, behind }: Around, content = "{{ .Content }}"): string =>
    before + content + behind;
  const branches: string[] = [];
  let head = start;
  let userContent = "{{ .Content }}";
  if (system.kind === "turn") {
    branches.push(`{{ if eq .Role "system" }}${turn(system.around)}`);
    if (withoutSystem !== "" && instruction === undefined) {
      head += `{{ if not .System }}${withoutSystem}{{ end }}`;
    }
  } else if (system.kind === "user") {
    head += '{{ $system := "" }}';
    branches.push('{{ if eq .Role "system" }}{{ $system = .Content }}');
    userContent =
      `{{ if $system }}{{ $system }}${system.separator}{{ $system = "" }}{{ end }}{{ .Content }}`;
  } else branches.push('{{ if eq .Role "system" }}');
  branches.push(`{{ else if eq .Role "user" }}${turn(user, userContent)}`);
  branches.push(`{{ else if eq .Role "assistant" }}${turn(assistant)}`);
  return `${head}{{ range .Messages }}${branches.join("")}{{ end }}{{ end }}${generationPrompt}`;
}
