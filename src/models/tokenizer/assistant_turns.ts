/**
 * Finds what the assistant wrote in a rendered conversation whose template does not mark it.
 *
 * A template is a black box, so the conversation is rendered again with small changes. A turn begins where the text that
 * the assistant was given ends, and ends where the conversation up to and including the turn ends. Where a template
 * renders earlier turns differently once others follow (Qwen3 drops earlier thoughts), those texts are no prefixes of
 * the whole; then the place where a message ends is found by adding a mark to its content and comparing.
 *
 * @module
 */

import type { Span } from "./token_alignment.ts";
import { type ChatMessage, ChatTemplateError } from "./tokenizer.ts";
import { unusedMark } from "./unused_mark.ts";

/** Renders messages, with or without the header of an assistant's turn at the end. */
export type RenderMessages = (
  messages: readonly ChatMessage[],
  options: { readonly addGenerationPrompt: boolean },
) => string;

/** A turn of the assistant: it starts behind its header. */
export interface AssistantTurn extends Span {
  /** Index of the message. */
  readonly message: number;
  /**
   * Where the content ends if `end` is an upper bound only: what follows the turn in the whole conversation is not
   * what follows it when the conversation ends there. The turn then ends with a special token in between.
   */
  readonly contentEnd?: number;
}

/**
 * Returns what the assistant wrote in `messages`, its messages in order.
 *
 * @throws {ChatTemplateError} If the template does not show where a turn begins or ends.
 */
export function findAssistantTurns(
  messages: readonly ChatMessage[],
  render: RenderMessages,
): AssistantTurn[] {
  const whole = render(messages, { addGenerationPrompt: false });
  return messages.flatMap(({ role }, message) =>
    role === "assistant" ? [{ message, ...findTurn(messages, message, { whole, render }) }] : []
  );
}

/** The error that says that message `index` cannot be marked. */
export function cannotMark(index: number): ChatTemplateError {
  return new ChatTemplateError(
    `Cannot mark the assistant's tokens of message ${index}: the chat template writes the turn differently in the ` +
      "whole conversation than when the assistant is about to answer; add generation blocks to the template",
  );
}

interface Rendering {
  readonly whole: string;
  readonly render: RenderMessages;
}

function findTurn(
  messages: readonly ChatMessage[],
  index: number,
  { whole, render }: Rendering,
): Omit<AssistantTurn, "message"> {
  const until = render(messages.slice(0, index + 1), { addGenerationPrompt: false });
  const given = renderGiven(messages, index, render);
  if (given !== undefined && until.startsWith(given) && whole.startsWith(until)) {
    return { start: given.length, end: until.length };
  }

  const end = findEnd(messages, index, { whole, render, until });
  const start = findStart(messages, index, { whole, render, given });
  if (start === undefined || end === undefined || start > end.end) throw cannotMark(index);
  return { start, ...end };
}

/**
 * Renders what the assistant is given before it writes message `index`; `undefined` if that is nothing, or the template
 * refuses it, as some do where no user has spoken.
 */
export function renderGiven(
  messages: readonly ChatMessage[],
  index: number,
  render: RenderMessages,
): string | undefined {
  if (index === 0) return undefined;
  try {
    return render(messages.slice(0, index), { addGenerationPrompt: true });
  } catch (error) {
    if (error instanceof ChatTemplateError) return undefined;
    throw error;
  }
}

/** The turn ends behind the message's content and what follows it when the conversation ends there. */
function findEnd(
  messages: readonly ChatMessage[],
  index: number,
  { whole, render, until }: Rendering & { readonly until: string },
): Omit<AssistantTurn, "start" | "message"> | undefined {
  const contentEnd = findContentEnd(messages, index, { render, text: whole });
  const endInUntil = findContentEnd(messages.slice(0, index + 1), index, { render, text: until });
  if (contentEnd === undefined || endInUntil === undefined) return undefined;
  const tail = until.slice(endInUntil);
  const shared = commonPrefix(whole.slice(contentEnd), tail);
  const end = contentEnd + shared;
  return shared === tail.length ? { end } : { end, contentEnd };
}

/** The turn begins behind what follows the last visible message before it when the assistant is about to answer. */
function findStart(
  messages: readonly ChatMessage[],
  index: number,
  { whole, render, given }: Rendering & { readonly given: string | undefined },
): number | undefined {
  for (let before = index - 1; given !== undefined && before >= 0; before--) {
    const endInWhole = findContentEnd(messages, before, { render, text: whole });
    const endInGiven = findContentEnd(messages.slice(0, index), before, {
      render,
      text: given,
      addGenerationPrompt: true,
    });
    if (endInWhole === undefined || endInGiven === undefined) continue;
    const header = given.slice(endInGiven);
    const shared = sharedTags(whole.slice(endInWhole), header);
    const rest = header.slice(shared);
    // a header may open a thought, or leave an empty one behind, that is not there in earlier turns
    const isThought = header.slice(0, shared).trim() !== "" && /think|thought|reason/i.test(rest);
    return isThought || 2 * shared > header.length ? endInWhole + shared : undefined;
  }
  return findContentStart(messages, index, { render, text: whole });
}

interface Probe {
  readonly render: RenderMessages;
  readonly text: string;
  readonly addGenerationPrompt?: boolean;
}

/** Returns where the content of a message ends in `text`, `undefined` if the template does not show it. */
function findContentEnd(
  messages: readonly ChatMessage[],
  index: number,
  { render, text, addGenerationPrompt = false }: Probe,
): number | undefined {
  const mark = unusedMark(messages);
  for (const change of [withContent, withReasoning, withToolName]) {
    const changed = change(messages[index]!, (text) => text + mark);
    if (changed === undefined) continue;
    const marked = render(messages.with(index, changed), { addGenerationPrompt });
    if (!marked.includes(mark)) continue;
    const suffix = marked.length - (marked.lastIndexOf(mark) + mark.length);
    if (text.endsWith(marked.slice(marked.length - suffix))) return text.length - suffix;
  }
  return undefined;
}

/** Returns where the content of a message starts in `text`, `undefined` if the template does not show it. */
function findContentStart(
  messages: readonly ChatMessage[],
  index: number,
  { render, text }: Probe,
): number | undefined {
  const mark = unusedMark(messages);
  const changed = withContent(messages[index]!, (content) => mark + content);
  const marked = render(messages.with(index, changed), { addGenerationPrompt: false });
  const start = marked.indexOf(mark);
  return start >= 0 && text.startsWith(marked.slice(0, start)) ? start : undefined;
}

type Change = (text: string) => string;

function withContent(message: ChatMessage, change: Change): ChatMessage {
  return { ...message, content: change(message.content ?? "") };
}

function withReasoning(message: ChatMessage, change: Change): ChatMessage | undefined {
  const { reasoning_content: reasoning } = message;
  return reasoning === undefined ? undefined : { ...message, reasoning_content: change(reasoning) };
}

/** Changes the name of the last function that is called. */
function withToolName(message: ChatMessage, change: Change): ChatMessage | undefined {
  const calls = message.tool_calls;
  const last = calls?.at(-1);
  if (calls === undefined || typeof last !== "object" || last === null) return undefined;
  const renamed = (call: object): object =>
    "name" in call && typeof call.name === "string" ? { ...call, name: change(call.name) } : call;
  const changed = "function" in last && typeof last.function === "object" && last.function !== null
    ? { ...last, function: renamed(last.function) }
    : renamed(last);
  return { ...message, tool_calls: calls.with(-1, changed) };
}

/** Returns how many characters are shared at the beginning, without a tag that is only begun. */
function sharedTags(a: string, b: string): number {
  const shared = a.slice(0, commonPrefix(a, b));
  return shared.replace(/<[^<>\s]*$/, "").length;
}

function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
