/**
 * `chat`: a conversation in the terminal.
 *
 * @module
 */

import type { Command } from "commander";
import { InferenceError } from "../inference/inference_error.ts";
import type { InferenceService } from "../inference/service.ts";
import type { ChatMessage } from "../models/tokenizer/tokenizer.ts";
import { inputLines } from "./input_lines.ts";
import { interruptible } from "./interrupt.ts";
import { InterruptedError } from "./exit_status.ts";
import { openLocalModel } from "./local_model.ts";
import { addModelOptions, type ModelOptions } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { addSamplingOptions, type SamplingOptions, samplingRequest } from "./sampling_options.ts";
import { print, printError, write } from "./terminal.ts";

/** What the command line gives. */
interface ChatOptions extends ModelOptions, SamplingOptions {
  readonly system?: string;
}

const HELP = `/reset  forget the conversation
/exit   end it; so does Ctrl-D
Ctrl-C  stops an answer`;

/** Adds `chat` to `program`. */
export function registerChat(program: Command): void {
  const command = program.command("chat")
    .description(
      "Talk with a model. Each line is a message; through a pipe, each line is answered in turn.",
    );
  addModelOptions(command).option("--system <text>", "what the model is told before");
  addSamplingOptions(command).action(chat);
  command.addHelpText("after", `\nWhile chatting:\n${HELP.replace(/^/gm, "  ")}`);
  addExamples(command, [
    "llm-training chat --model runs/my-run",
    'llm-training chat --model Qwen/Qwen3-0.6B --system "Answer in one sentence."',
    'echo "Hello!" | llm-training chat --model my-model',
  ]);
}

async function chat(options: ChatOptions): Promise<void> {
  await using service = await openLocalModel(options);
  const { id, device, deviceReason } = service.model;
  printError(`${id} on ${device}: ${deviceReason}\n/help lists what else can be typed`);
  const conversation = new Conversation(service, options);
  for await (const line of inputLines("> ")) {
    const words = line.trim();
    if (words === "") continue;
    if (words === "/exit" || words === "/quit") return;
    if (words === "/help") printError(HELP);
    else if (words === "/reset") conversation.reset();
    else if (/^\/\w+$/.test(words)) printError(`There is no ${words}; /help lists what there is`);
    else await conversation.say(words);
  }
}

class Conversation {
  readonly #service: InferenceService;
  readonly #options: ChatOptions;
  #messages: ChatMessage[] = [];

  constructor(service: InferenceService, options: ChatOptions) {
    this.#service = service;
    this.#options = options;
    this.reset();
  }

  reset(): void {
    const { system } = this.#options;
    this.#messages = system === undefined ? [] : [{ role: "system", content: system }];
  }

  /** Prints the answer while it is made; Ctrl-C ends it early. */
  async say(content: string): Promise<void> {
    this.#messages.push({ role: "user", content });
    let answer = "";
    try {
      await interruptible(async (signal) => {
        for await (const text of this.#answer(signal)) {
          answer += text;
          write(text);
        }
      });
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
    }
    print("");
    this.#messages.push({ role: "assistant", content: answer });
  }

  async *#answer(signal: AbortSignal): AsyncGenerator<string, void, void> {
    const { events } = await this.#submit(signal);
    for await (const event of events) {
      if (event.type === "output") yield event.text;
    }
  }

  /** Forgets the oldest exchanges if the conversation has outgrown the context. */
  async #submit(signal: AbortSignal): ReturnType<InferenceService["submit"]> {
    const request = samplingRequest(this.#options);
    while (true) {
      const prompts = [{ kind: "chat", messages: this.#messages }] as const;
      try {
        return await this.#service.submit({ ...request, prompts }, { signal });
      } catch (error) {
        const isTooLong = error instanceof InferenceError &&
          error.code === "context_length_exceeded";
        const oldest = this.#messages.findIndex(({ role }) => role === "user");
        if (!isTooLong || oldest + 2 >= this.#messages.length) throw error;
        printError(
          "[the conversation is longer than the model's context: its beginning is left out]",
        );
        this.#messages = this.#messages.toSpliced(oldest, 2);
      }
    }
  }
}
