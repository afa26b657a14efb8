/**
 * The events of an answer of `/v1/responses`, from its beginning to its end. The last one has the whole answer.
 *
 * @module
 */

import type { Completion } from "../service.ts";
import { usageOf } from "./choices.ts";
import { type ChatChoice, createChatChoice } from "./chat_choice.ts";
import type { ResponseRequest } from "./response_fields.ts";
import type { ToolUse } from "./tool_fields.ts";

/** A part of an answer, as OpenAI's API has it. */
export type ResponseItem = Readonly<Record<string, unknown>>;

/** An event of an answer. */
export interface ResponseEvent {
  /** What has happened. */
  readonly type: string;
  /** Its number. */
  readonly sequence_number: number;
  /** The answer, in events that are about all of it. */
  readonly response?: ResponseItem;
  /** What else the event says. */
  readonly [key: string]: unknown;
}

/** Options of {@linkcode responseEvents}. */
export interface ResponseEventsOptions {
  /** What was asked. */
  readonly body: ResponseRequest;
  /** How functions are used. */
  readonly use: ToolUse | undefined;
  /** What answers say of themselves from the beginning. */
  readonly head: ResponseItem;
}

type Payload = Readonly<Record<string, unknown>> & { readonly type: string };

/** Returns the events of what `completion` generates. */
export async function* responseEvents(
  completion: Completion,
  { body, use, head }: ResponseEventsOptions,
): AsyncGenerator<ResponseEvent, void, void> {
  let number = 0;
  const numbered = (payload: Payload): ResponseEvent => ({ ...payload, sequence_number: number++ });
  const response = (more: ResponseItem) => ({ ...head, ...answered(body), ...more });
  const begun = response({ status: "in_progress", output: [], usage: null });
  yield numbered({ type: "response.created", response: begun });
  yield numbered({ type: "response.in_progress", response: begun });
  const choice: ChatChoice = createChatChoice(use);
  const output = new Output();
  let generated = 0;
  let isCut = false;
  for await (const event of completion.events) {
    if (event.type === "prompt") continue;
    const piece = event.type === "end" ? choice.end() : choice.push(event.text);
    for (const payload of output.add(piece)) yield numbered(payload);
    if (event.type === "end") {
      generated = event.generatedTokens;
      isCut = event.reason === "length";
    }
  }
  for (const payload of output.end({ isCut })) yield numbered(payload);
  const usage = usageOf(completion, generated);
  yield numbered({
    type: isCut ? "response.incomplete" : "response.completed",
    response: response({
      status: isCut ? "incomplete" : "completed",
      incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
      output: output.items,
      usage: {
        input_tokens: usage.prompt_tokens,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: usage.completion_tokens,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: usage.total_tokens,
      },
    }),
  });
}

/** The parts of an answer, as they come to be. */
class Output {
  readonly items: ResponseItem[] = [];
  #message: { readonly id: string; text: string } | undefined;

  *add({ text, calls }: ReturnType<ChatChoice["end"]>): Generator<Payload> {
    if (text !== "") {
      if (this.#message === undefined) yield* this.#beginMessage();
      this.#message!.text += text;
      yield { type: "response.output_text.delta", ...this.#place(), delta: text, logprobs: [] };
    }
    for (const { id, function: { name, arguments: given } } of calls) {
      yield* this.#endMessage("completed");
      const output_index = this.items.length;
      const item = { id: `fc_${id}`, type: "function_call", call_id: id, name };
      const where = { item_id: item.id, output_index };
      const begun = { ...item, arguments: "", status: "in_progress" };
      yield { type: "response.output_item.added", output_index, item: begun };
      yield { type: "response.function_call_arguments.delta", ...where, delta: given };
      yield { type: "response.function_call_arguments.done", ...where, name, arguments: given };
      const done = { ...item, arguments: given, status: "completed" };
      this.items.push(done);
      yield { type: "response.output_item.done", output_index, item: done };
    }
  }

  *end({ isCut }: { readonly isCut: boolean }): Generator<Payload> {
    if (this.items.length === 0 && this.#message === undefined) yield* this.#beginMessage();
    yield* this.#endMessage(isCut ? "incomplete" : "completed");
  }

  *#beginMessage(): Generator<Payload> {
    this.#message = { id: `msg_${crypto.randomUUID()}`, text: "" };
    const item = { ...this.#item("in_progress"), content: [] };
    yield { type: "response.output_item.added", output_index: this.items.length, item };
    yield { type: "response.content_part.added", ...this.#place(), part: outputText("") };
  }

  *#endMessage(status: string): Generator<Payload> {
    if (this.#message === undefined) return;
    const { text } = this.#message;
    yield { type: "response.output_text.done", ...this.#place(), text, logprobs: [] };
    yield { type: "response.content_part.done", ...this.#place(), part: outputText(text) };
    const item = this.#item(status);
    yield { type: "response.output_item.done", output_index: this.items.length, item };
    this.items.push(item);
    this.#message = undefined;
  }

  #place(): ResponseItem {
    return { item_id: this.#message!.id, output_index: this.items.length, content_index: 0 };
  }

  #item(status: string): ResponseItem {
    const { id, text } = this.#message!;
    return { id, type: "message", role: "assistant", status, content: [outputText(text)] };
  }
}

function outputText(text: string): ResponseItem {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

/** What an answer repeats of the question. */
function answered(body: ResponseRequest): ResponseItem {
  return {
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    temperature: body.temperature ?? null,
    top_p: body.top_p ?? null,
    tools: body.tools ?? [],
    tool_choice: body.tool_choice ?? "auto",
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    text: { format: body.text?.format ?? { type: "text" } },
    metadata: body.metadata ?? {},
    previous_response_id: null,
    store: false,
    truncation: "disabled",
  };
}
