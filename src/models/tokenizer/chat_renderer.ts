/**
 * Conversations as token ids, with the assistant's tokens marked.
 *
 * @module
 */

import { type AssistantTurn, cannotMark, findAssistantTurns } from "./assistant_turns.ts";
import type { ChatTemplate, RenderedTemplate } from "./chat_template.ts";
import type { SpecialTokens } from "./special_tokens.ts";
import type { EncodedSection, TextTokenizer } from "./text_encoder.ts";
import { alignTokens, type Span } from "./token_alignment.ts";
import {
  type ChatMessage,
  ChatTemplateError,
  type RenderChatOptions,
  type RenderedChat,
} from "./tokenizer.ts";

/** What a conversation is rendered with. */
export interface ChatRendererOptions {
  /** Turns the rendered text into ids. */
  readonly tokenizer: TextTokenizer;
  /** Special tokens, which templates name. */
  readonly specialTokens: SpecialTokens;
}

/** Names the end of an open message; spaces behind it show whether the template trims. */
const OPEN_END = "\uFDD4\uFDD5";

/** Renders `messages` with `template` and turns them into ids. */
export function renderChat(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  { tokenizer, specialTokens, ...options }: RenderChatOptions & ChatRendererOptions,
): RenderedChat {
  const { addGenerationPrompt = false, continueFinalMessage = false, tools, templateVariables } =
    options;
  if (addGenerationPrompt && continueFinalMessage) {
    throw new ChatTemplateError(
      "Cannot render chat: a conversation either goes on with its final message or gets the header of a new one",
    );
  }
  const render = (shown: readonly ChatMessage[], withPrompt: boolean) =>
    template.render({
      tools: tools ?? null,
      documents: null,
      ...specialTokens,
      ...templateVariables,
      messages: shown.map(nameReasoning),
      add_generation_prompt: withPrompt,
    });

  const rendered = continueFinalMessage
    ? renderOpen(messages, (shown) => render(shown, false))
    : render(messages, addGenerationPrompt);
  const sections = tokenizer.encode(rendered.text, { parseSpecialTokens: true });
  const ids = sections.flatMap(({ units }) => units.flatMap((unit) => unit.ids));

  function computeMask(): number[] {
    const mask = new Array<number>(ids.length).fill(0);
    const align = (spans: readonly Span[]): Span[] =>
      alignTokens(rendered.text, spans, { sections, tokenizer });
    if (template.marksGeneration) {
      const generated = rendered.generated.filter(({ start, end }) => start < end);
      for (const { start, end } of align(generated)) mask.fill(1, start, end);
    } else {
      const shown = continueFinalMessage ? messages.slice(0, -1) : messages;
      const speaking = shown.flatMap(({ role }, i) => role === "assistant" ? [i] : []);
      const spans = findAssistantTurns(
        shown,
        (part, { addGenerationPrompt }) => render(part, addGenerationPrompt).text,
      ).map((turn, i) => {
        const span = cutBehindEnd(turn, { text: rendered.text, sections });
        if (span === undefined) throw cannotMark(speaking[i]!);
        return span;
      });
      for (const { start, end } of align(spans)) mask.fill(1, start, end);
    }
    return mask;
  }

  let mask: number[] | undefined;
  return {
    ids,
    text: rendered.text,
    get assistantMask() {
      return mask ??= computeMask();
    },
  };
}

/** Gives reasoning the second name that templates know it by, as `transformers` does. */
function nameReasoning(message: ChatMessage): Readonly<Record<string, unknown>> {
  const { reasoning_content: reasoning } = message;
  return reasoning === undefined ? { ...message } : { thinking: reasoning, ...message };
}

/** Renders a conversation up to the end of the content of its last message. */
function renderOpen(
  messages: readonly ChatMessage[],
  render: (messages: readonly ChatMessage[]) => RenderedTemplate,
): RenderedTemplate {
  const last = messages.at(-1);
  if (last === undefined) {
    throw new ChatTemplateError("Cannot render chat: there is no final message to go on with");
  }
  const { text, generated } = render(
    messages.with(-1, { ...last, content: `${last.content}${OPEN_END} ` }),
  );
  const end = text.lastIndexOf(OPEN_END);
  if (end < 0) {
    throw new ChatTemplateError(
      "Cannot render chat: the chat template does not show the content of the final message",
    );
  }
  const keepsSpaces = text[end + OPEN_END.length] === " ";
  const open = keepsSpaces ? text.slice(0, end) : text.slice(0, end).trimEnd();
  return {
    text: open,
    generated: generated.map(({ start, end }) => ({ start, end: Math.min(end, open.length) })),
  };
}

/** Leaves out what follows the special token that ends a turn, for example the line break of ChatML. */
function cutBehindEnd(
  turn: AssistantTurn,
  { text, sections }: { readonly text: string; readonly sections: readonly EncodedSection[] },
): Span | undefined {
  const { start, end, contentEnd } = turn;
  const special = sections.findLast((section) =>
    section.token?.special === true && section.start >= (contentEnd ?? start) && section.end <= end
  );
  if (contentEnd !== undefined) return special && { start, end: special.end };
  const isLast = special !== undefined && text.slice(special.end, end).trim() === "";
  return { start, end: isLast ? special.end : end };
}
