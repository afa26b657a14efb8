/**
 * `generate`: a text that goes on from a prompt.
 *
 * @module
 */

import { type Command, InvalidArgumentError, Option } from "commander";
import { UserError } from "../utils/errors.ts";
import { fileError } from "../utils/file_error.ts";
import { formatRate } from "../utils/format.ts";
import type { InferenceService, Prompt } from "../inference/service.ts";
import { interruptible } from "./interrupt.ts";
import { openLocalModel } from "./local_model.ts";
import { addModelOptions, type ModelOptions } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { addSamplingOptions, type SamplingOptions, samplingRequest } from "./sampling_options.ts";
import { print, printError, write } from "./terminal.ts";

/** What the command line gives. */
interface GenerateOptions extends ModelOptions, SamplingOptions {
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly promptIds?: readonly number[];
  readonly chat?: boolean;
  readonly ignoreEos?: boolean;
  readonly json?: boolean;
}

/** A generated text and what it took. */
interface Result {
  readonly text: string;
  readonly ids: readonly number[];
  readonly finishReason: string;
  readonly promptTokens: number;
  readonly generatedTokens: number;
  readonly tokensPerSecond: number | null;
}

const DEFAULT_MAX_TOKENS = 256;

/** Adds `generate` to `program`. */
export function registerGenerate(program: Command): void {
  const command = program.command("generate")
    .description(
      "Let a model go on from a prompt: from --prompt, --prompt-file or standard input. The text is " +
        "printed while it is made.",
    );
  addModelOptions(command)
    .option("--prompt <text>", "the text to go on from")
    .addOption(
      new Option("--prompt-file <path>", "a file with the text to go on from").conflicts("prompt"),
    )
    .addOption(
      new Option("--prompt-ids <ids>", "token ids to go on from, separated by commas")
        .conflicts(["prompt", "promptFile", "chat"]).argParser(parseIds),
    )
    .option("--chat", "put the prompt to the model as a user's message");
  addSamplingOptions(command, DEFAULT_MAX_TOKENS)
    .option("--ignore-eos", "go on after an end token")
    .option("--json", "print one JSON object with the text, ids, usage and speed")
    .action(generate);
  addExamples(command, [
    'llm-training generate --model runs/my-run --prompt "Once upon a time"',
    "llm-training generate --model my-model --prompt-file prompt.txt --temperature 0 --json",
    'echo "What is rain?" | llm-training generate --model my-model --chat --max-tokens 100',
  ]);
}

async function generate(options: GenerateOptions): Promise<void> {
  const prompt = await readPrompt(options);
  await using service = await openLocalModel(options);
  const onText = options.json ? () => {} : write;
  const result = await interruptible((signal) => run({ service, prompt, options, signal }, onText));
  const { id, device } = service.model;
  if (options.json) {
    print(JSON.stringify({
      model: id,
      device,
      text: result.text,
      ids: result.ids,
      finish_reason: result.finishReason,
      usage: {
        prompt_tokens: result.promptTokens,
        completion_tokens: result.generatedTokens,
        total_tokens: result.promptTokens + result.generatedTokens,
      },
      tokens_per_second: result.tokensPerSecond,
    }));
    return;
  }
  print(service.model.hasTokenizer ? "" : result.ids.join(" "));
  if (Deno.stderr.isTerminal() && result.tokensPerSecond !== null) {
    const speed = formatRate(result.tokensPerSecond, "tokens");
    printError(`[${result.generatedTokens} tokens, ${speed} on ${device}]`);
  }
}

interface Run {
  readonly service: InferenceService;
  readonly prompt: Prompt;
  readonly options: GenerateOptions;
  readonly signal: AbortSignal;
}

async function run(
  { service, prompt, options, signal }: Run,
  onText: (text: string) => void,
): Promise<Result> {
  const { prompts, events } = await service.submit({
    prompts: [prompt],
    ignoreEos: options.ignoreEos ?? false,
    ...samplingRequest(options),
  }, { signal });
  const ids: number[] = [];
  let text = "";
  let firstAtMs: number | undefined;
  for await (const event of events) {
    firstAtMs ??= performance.now();
    if (event.type === "output") {
      onText(event.text);
      text += event.text;
      ids.push(...event.tokens.map(({ id }) => id));
    } else if (event.type === "end") {
      const seconds = (performance.now() - firstAtMs) / 1000;
      const { reason, generatedTokens } = event;
      return {
        text,
        ids,
        finishReason: reason,
        promptTokens: prompts[0]!.ids.length,
        generatedTokens,
        // the first token's time is the prompt's
        tokensPerSecond: generatedTokens > 1 ? (generatedTokens - 1) / seconds : null,
      };
    }
  }
  throw new Error("Internal: the text has no end");
}

async function readPrompt(options: GenerateOptions): Promise<Prompt> {
  if (options.promptIds !== undefined) return { kind: "ids", ids: options.promptIds };
  const text = await readText(options);
  return options.chat
    ? { kind: "chat", messages: [{ role: "user", content: text }] }
    : { kind: "text", text };
}

async function readText({ prompt, promptFile, chat }: GenerateOptions): Promise<string> {
  if (prompt !== undefined) return prompt;
  if (promptFile !== undefined) {
    try {
      return await Deno.readTextFile(promptFile);
    } catch (error) {
      throw fileError("read", promptFile, error);
    }
  }
  if (Deno.stdin.isTerminal()) {
    throw new UserError("Cannot generate without a prompt: give --prompt or --prompt-file");
  }
  const text = await new Response(Deno.stdin.readable).text();
  return chat ? text.trimEnd() : text;
}

function parseIds(text: string): readonly number[] {
  return text.split(",").map((id) => {
    if (!/^\s*\d+\s*$/.test(id)) {
      throw new InvalidArgumentError(`"${id}" is not a token id.`);
    }
    return Number(id);
  });
}
