/**
 * Text to token ids and back.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";

/** Thrown when a chat template cannot render a conversation or mark the assistant's tokens in it. */
export class ChatTemplateError extends UserError {}

/** Options of {@linkcode Tokenizer.encode}. */
export interface EncodeOptions {
  /** Add what the model's post-processor adds, for example a beginning-of-sequence token. @default {true} */
  readonly addSpecialTokens?: boolean;
  /** Read special tokens that the text spells out as tokens; if not, they are text like any other. @default {true} */
  readonly parseSpecialTokens?: boolean;
}

/** Options of {@linkcode Tokenizer.decode}. */
export interface DecodeOptions {
  /** Leave out special tokens. @default {true} */
  readonly skipSpecialTokens?: boolean;
}

/** A chat message, as OpenAI's API has it. */
export interface ChatMessage {
  /** Who speaks: `system`, `user`, `assistant`, `tool` or `developer`. */
  readonly role: string;
  /** What is said. */
  readonly content: string;
  /** What the assistant thought before, for templates that show it. */
  readonly reasoning_content?: string;
  /** Functions that the assistant calls. */
  readonly tool_calls?: readonly unknown[];
  /** The call that a `tool` message answers. */
  readonly tool_call_id?: string;
  /** Name of the speaker or the function. */
  readonly name?: string;
}

/** Options of {@linkcode Tokenizer.renderChat}. */
export interface RenderChatOptions {
  /** End with the header of an assistant's turn. @default {false} */
  readonly addGenerationPrompt?: boolean;
  /** Leave the last message open, so that generation goes on with it. @default {false} */
  readonly continueFinalMessage?: boolean;
  /**
   * Let no token reach from the header of an assistant's turn into what it says, so that the ids of a conversation begin
   * with those of every prompt that led to it. `transformers` turns the text into ids as a whole, and so does this
   * otherwise. @default {false}
   */
  readonly separateTurns?: boolean;
  /** Functions that the assistant may call, as OpenAI's API describes them. */
  readonly tools?: readonly unknown[];
  /** More variables for the template, for example `enable_thinking`. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
}

/** Tokens that the assistant produces. */
export interface AssistantSpan {
  /** Index of the message. */
  readonly message: number;
  /** First token. */
  readonly start: number;
  /** Token behind the last one. */
  readonly end: number;
}

/** A rendered conversation. */
export interface RenderedChat {
  /** Token ids. */
  readonly ids: readonly number[];
  /** The rendered text. */
  readonly text: string;
  /**
   * The tokens that the assistant produces, message by message: its words and the end of its turn. Computed when it is
   * read, which throws a {@linkcode ChatTemplateError} if the template does not allow it.
   */
  readonly assistantSpans: readonly AssistantSpan[];
  /**
   * For each id, 1 where the assistant produces it (its words and the end of its turn), else 0. Computed when it is
   * read, as `assistantSpans`.
   */
  readonly assistantMask: readonly number[];
}

/** A tokenizer with its chat template. */
export interface Tokenizer {
  /** One more than the largest id it gives out. */
  readonly vocabSize: number;
  /** Beginning-of-sequence token. */
  readonly bosTokenId: number | undefined;
  /** Tokens that end a text or a turn; generation stops at any of them. */
  readonly eosTokenIds: readonly number[];
  /** Token to pad with. */
  readonly padTokenId: number | undefined;
  /** Whether it has a chat template of its own. */
  readonly hasChatTemplate: boolean;
  /** The template that conversations are rendered with: its own, or what takes its place. */
  readonly chatTemplate: string;
  /** The files to store beside a model, by name (`tokenizer.json`, `tokenizer_config.json`, …). */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Turns text into ids. */
  encode(text: string, options?: EncodeOptions): number[];
  /** Turns ids into text; bytes that are not UTF-8 become U+FFFD. */
  decode(ids: readonly number[], options?: DecodeOptions): string;
  /**
   * Renders a conversation with the chat template and marks the assistant's tokens.
   *
   * @throws {ChatTemplateError} If the template refuses the conversation.
   */
  renderChat(messages: readonly ChatMessage[], options?: RenderChatOptions): RenderedChat;
}
