/**
 * Prompts as the model reads them.
 *
 * @module
 */

import { withObjectArguments } from "../models/tokenizer/call_arguments.ts";
import { createIncrementalDecoder } from "../models/tokenizer/incremental_decoder.ts";
import { ChatTemplateError, type Tokenizer } from "../models/tokenizer/tokenizer.ts";
import type { LoadedModel } from "./generation/loaded_model.ts";
import { InferenceError } from "./inference_error.ts";
import type { EncodedPrompt, EncodeRequestOptions, Prompt } from "./service.ts";

/** Options of {@linkcode encodePrompt}. */
export interface EncodePromptOptions {
  /** How many tokens must have room behind it. */
  readonly reservedTokens: number;
  /** The most tokens of prompt and text together. */
  readonly maxPositions: number;
}

/**
 * Encodes a prompt that is to be followed by more tokens.
 *
 * @throws {InferenceError} If the model cannot read it.
 */
export function encodePrompt(
  model: LoadedModel,
  prompt: Prompt,
  { reservedTokens, maxPositions }: EncodePromptOptions,
): EncodedPrompt {
  const encoded = encode(model, prompt);
  if (encoded.ids.length === 0) {
    throw new InferenceError(
      "invalid_prompt",
      "Cannot go on from a prompt that has no tokens: give some text",
    );
  }
  if (encoded.ids.length + reservedTokens > maxPositions) {
    throw new InferenceError(
      "context_length_exceeded",
      `This model's maximum context length is ${maxPositions} tokens. However, the prompt has ` +
        `${encoded.ids.length}${
          reservedTokens > 0 ? ` and at least ${reservedTokens} more must fit` : ""
        }. ` +
        `Please shorten it`,
    );
  }
  return encoded;
}

/**
 * Returns a prompt's tokens; it may be empty, and longer than the model has room for.
 *
 * @throws {InferenceError} If the model cannot read it.
 */
export function encodeTokens(
  model: LoadedModel,
  prompt: Prompt,
  { addSpecialTokens = true }: EncodeRequestOptions = {},
): EncodedPrompt {
  if (prompt.kind !== "text") return encode(model, prompt);
  return {
    ids: tokenizerOf(model).encode(prompt.text, { addSpecialTokens }),
    text: prompt.text,
  };
}

/** Returns where the text of each of `ids` begins in the text of all. */
export function tokenOffsets(tokenizer: Tokenizer | undefined, ids: readonly number[]): number[] {
  if (tokenizer === undefined) return ids.map(() => 0);
  const decoder = createIncrementalDecoder(tokenizer, { skipSpecialTokens: false });
  let length = 0;
  return ids.map((id) => {
    const offset = length;
    length += decoder.push(id).length;
    return offset;
  });
}

function encode(model: LoadedModel, prompt: Prompt): EncodedPrompt {
  switch (prompt.kind) {
    case "ids":
      return encodeIds(model, prompt.ids);
    case "text": {
      const ids = tokenizerOf(model).encode(prompt.text);
      const { bosTokenId } = tokenizerOf(model);
      const isEmpty = ids.length === 0 && bosTokenId !== undefined;
      return { ids: isEmpty ? [bosTokenId] : ids, text: prompt.text };
    }
    case "chat":
      return renderChat(model, prompt);
  }
}

function encodeIds({ decoder, tokenizer }: LoadedModel, ids: readonly number[]): EncodedPrompt {
  const unknown = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < decoder.vocabSize));
  if (unknown !== undefined) {
    throw new InferenceError(
      "invalid_prompt",
      `Cannot read token id ${unknown}: the vocabulary has ${decoder.vocabSize} tokens, counted from 0`,
    );
  }
  return { ids, text: tokenizer?.decode(ids, { skipSpecialTokens: false }) ?? "" };
}

function renderChat(model: LoadedModel, prompt: Prompt & { readonly kind: "chat" }): EncodedPrompt {
  const tokenizer = tokenizerOf(model);
  if (!tokenizer.hasChatTemplate) {
    throw new InferenceError(
      "no_chat_template",
      `Cannot chat with model "${model.id}": its folder has no chat template; use /v1/completions or ` +
        `train it on conversations`,
    );
  }
  try {
    const { ids, text } = tokenizer.renderChat(
      withObjectArguments(prompt.messages, tokenizer.chatTemplate),
      {
        separateTurns: true,
        addGenerationPrompt: prompt.options?.continueFinalMessage !== true,
        ...prompt.options,
      },
    );
    return { ids, text };
  } catch (error) {
    if (!(error instanceof ChatTemplateError)) throw error;
    throw new InferenceError("invalid_prompt", error.message, { cause: error });
  }
}

function tokenizerOf(model: LoadedModel): Tokenizer {
  if (model.tokenizer !== undefined) return model.tokenizer;
  throw new InferenceError(
    "no_tokenizer",
    `Cannot read text with model "${model.id}": its folder has no tokenizer; give token ids as the prompt`,
  );
}
