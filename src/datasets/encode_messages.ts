/**
 * Conversations as ids, with the tokens that are trained.
 *
 * @module
 */

import { withObjectArguments } from "../models/tokenizer/call_arguments.ts";
import type { Span } from "../models/tokenizer/token_alignment.ts";
import type { AssistantSpan, RenderedChat, Tokenizer } from "../models/tokenizer/tokenizer.ts";
import type { MessagesRow } from "./row.ts";
import type { TrainOn } from "./train_on.ts";

/** A conversation as token ids. */
export interface EncodedMessages {
  /** Token ids. */
  readonly ids: readonly number[];
  /** For each id, 1 where it is trained, else 0. */
  readonly trained: Uint8Array;
}

/** Options of {@linkcode encodeMessages}. */
export interface EncodeMessagesOptions {
  /** Renders the conversation. */
  readonly tokenizer: Tokenizer;
  /** Which turns are trained. */
  readonly trainOn: TrainOn;
}

/**
 * Renders a conversation as it is rendered when the assistant is asked: the ids begin with those of the prompts that lead
 * to its turns.
 *
 * @throws {ChatTemplateError} If the template refuses it, or does not show what the assistant says.
 */
export function encodeMessages(
  { messages, tools, trained: mayTrain, templateVariables }: MessagesRow,
  { tokenizer, trainOn }: EncodeMessagesOptions,
): EncodedMessages {
  const chat = tokenizer.renderChat(withObjectArguments(messages, tokenizer.chatTemplate), {
    separateTurns: true,
    ...tools === undefined ? {} : { tools },
    ...templateVariables === undefined ? {} : { templateVariables },
  });
  const isExcluded = ({ message }: AssistantSpan): boolean => mayTrain?.[message] === false;
  const trained = new Uint8Array(chat.ids.length);
  const fill = (spans: readonly AssistantSpan[], value: 0 | 1): void => {
    for (const { start, end } of spans) {
      trained.fill(value, start, withEnd({ start, end }, chat, tokenizer));
    }
  };
  if (trainOn === "all") {
    trained.fill(1);
    if (mayTrain?.includes(false)) fill(chat.assistantSpans.filter(isExcluded), 0);
    return { ids: chat.ids, trained };
  }
  const spans = chat.assistantSpans.filter((span) => !isExcluded(span));
  const last = Math.max(...spans.map(({ message }) => message));
  fill(trainOn === "last" ? spans.filter(({ message }) => message === last) : spans, 1);
  return { ids: chat.ids, trained };
}

/**
 * A model that is to stop must learn to: the token that ends a turn is trained even where a template's generation block
 * stops short of it.
 */
function withEnd(
  { start, end }: Span,
  { ids }: RenderedChat,
  { eosTokenIds }: Tokenizer,
): number {
  const ends = (id: number | undefined) => id !== undefined && eosTokenIds.includes(id);
  const hasEnd = ids.slice(Math.max(start, end - 3), end).some(ends);
  return !hasEnd && ends(ids[end]) ? end + 1 : end;
}
