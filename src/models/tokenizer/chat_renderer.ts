/**
 * Conversations as token ids, with the assistant's tokens marked.
 *
 * Training, `chat` and `serve` all render here.
 *
 * @module
 */

import { renderGiven, type RenderMessages } from "./assistant_turns.ts";
import type { ChatTemplate, RenderedTemplate } from "./chat_template.ts";
import { encodePieces } from "./encoded_pieces.ts";
import { markedSpans, structuralSpans } from "./message_spans.ts";
import { renderOpen } from "./open_message.ts";
import type { SpecialTokens } from "./special_tokens.ts";
import type { TextTokenizer } from "./text_encoder.ts";
import {
  type AssistantSpan,
  type ChatMessage,
  ChatTemplateError,
  type RenderChatOptions,
  type RenderedChat,
} from "./tokenizer.ts";

/** What a conversation is rendered with. */
export interface ChatRendererOptions {
  /** Turns the rendered text into ids. */
  readonly tokenizer: TextTokenizer;
  /** Turns ids into text, special tokens included. */
  readonly decode: (ids: readonly number[]) => string;
  /** Ids known to end a text or a turn. */
  readonly endIds: ReadonlySet<number>;
  /** Special tokens, which templates name. */
  readonly specialTokens: SpecialTokens;
}

/** Renders `messages` with `template` and turns them into ids. */
export function renderChat(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  { tokenizer, decode, specialTokens, endIds, ...options }: RenderChatOptions & ChatRendererOptions,
): RenderedChat {
  const { addGenerationPrompt = false, continueFinalMessage = false, separateTurns = false } =
    options;
  if (addGenerationPrompt && continueFinalMessage) {
    throw new ChatTemplateError(
      "Cannot render chat: a conversation either goes on with its final message or gets the header of a new one",
    );
  }
  const run = (shown: readonly ChatMessage[], withPrompt: boolean): RenderedTemplate =>
    template.render({
      tools: options.tools ?? null,
      documents: null,
      ...specialTokens,
      ...options.templateVariables,
      messages: shown.map(nameReasoning),
      add_generation_prompt: withPrompt,
    });

  const rendered = continueFinalMessage
    ? renderOpen(messages, (shown) => run(shown, false))
    : run(messages, addGenerationPrompt);
  const { text } = rendered;
  const beginnings = new Map<string, string>();
  if (!continueFinalMessage) beginnings.set(`${messages.length} ${addGenerationPrompt}`, text);
  const render: RenderMessages = (shown, { addGenerationPrompt: withPrompt }) => {
    if (shown.some((message, i) => message !== messages[i])) return run(shown, withPrompt).text;
    const key = `${shown.length} ${withPrompt}`;
    const known = beginnings.get(key) ?? run(shown, withPrompt).text;
    beginnings.set(key, known);
    return known;
  };

  const pieces = encodePieces(text, {
    tokenizer,
    decode,
    cuts: separateTurns ? answerStarts(messages, { text, render }) : [],
  });

  function findSpans(): AssistantSpan[] {
    const spans = template.marksGeneration
      ? markedSpans(messages, rendered)
      : structuralSpans(continueFinalMessage ? messages.slice(0, -1) : messages, {
        render,
        text,
        specialTokens: pieces.specialTokens,
        endIds,
      });
    return pieces.align(spans).map((tokens, i) => ({ ...tokens, message: spans[i]!.message }));
  }

  let spans: AssistantSpan[] | undefined;
  let mask: number[] | undefined;
  const chat: RenderedChat = {
    ids: pieces.ids,
    text,
    get assistantSpans() {
      return spans ??= findSpans();
    },
    get assistantMask() {
      return mask ??= maskOf(chat.assistantSpans, pieces.ids.length);
    },
  };
  return chat;
}

/** Returns where the assistant's turns begin, as far as the text begins with the prompts that they answer. */
function answerStarts(
  messages: readonly ChatMessage[],
  { text, render }: { readonly text: string; readonly render: RenderMessages },
): number[] {
  return messages.flatMap(({ role }, i) => {
    const given = role === "assistant" ? renderGiven(messages, i, render) : undefined;
    return given !== undefined && text.startsWith(given) ? [given.length] : [];
  });
}

function maskOf(spans: readonly AssistantSpan[], length: number): number[] {
  const mask = new Array<number>(length).fill(0);
  for (const { start, end } of spans) mask.fill(1, start, end);
  return mask;
}

/** Gives reasoning the second name that templates know it by, as `transformers` does. */
function nameReasoning(message: ChatMessage): Readonly<Record<string, unknown>> {
  const { reasoning_content: reasoning } = message;
  return reasoning === undefined ? { ...message } : { thinking: reasoning, ...message };
}
