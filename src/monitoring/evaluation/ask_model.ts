/**
 * Puts the items of tasks to a model.
 *
 * @module
 */

import { encodeRow } from "../../datasets/encode.ts";
import { IGNORED_LABEL } from "../../datasets/labels.ts";
import type { ChatMessage, RenderedChat, Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import { UserError } from "../../utils/errors.ts";
import type { EvaluationModel } from "./evaluation_model.ts";
import type {
  ChoicesRequest,
  Continuation,
  GenerateRequest,
  LossRequest,
  Scores,
  TaskPrompt,
  TaskRequest,
} from "./task.ts";

/** What a model answered. */
export interface Answer {
  /** Scores by metric. */
  readonly scores: Scores;
  /** The text, or the choice that it finds likeliest; `null` where only a loss is measured. */
  readonly output: string | null;
  /** Log-likelihood of each choice. */
  readonly logprobs?: readonly number[];
  /** What is wrong with the answer. */
  readonly reason?: string;
  /** Whether the text ended for want of room. */
  readonly hitTokenLimit: boolean;
  /** Tokens that were read. */
  readonly promptTokens: number;
  /** Tokens that were generated, or scored for a loss. */
  readonly outputTokens: number;
}

/** Room for answers that are shorter. */
const MIN_ANSWER_TOKENS = 64;

/** Options of {@linkcode askModel}. */
export interface AskModelOptions {
  /** Seed of the draws. */
  readonly seed: number;
  /** Ends the work. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts a request to a model.
 *
 * @throws {UserError} If the model cannot read it.
 */
export function askModel(
  model: EvaluationModel,
  request: TaskRequest,
  options: AskModelOptions,
): Promise<Answer> {
  switch (request.kind) {
    case "choices":
      return askChoices(model, request, options);
    case "generate":
      return askText(model, request, options);
    case "loss":
      return askLoss(model, request, options);
  }
}

async function askChoices(
  model: EvaluationModel,
  { continuations, choices, score }: ChoicesRequest,
  { signal }: AskModelOptions,
): Promise<Answer> {
  const tokenizer = tokenizerOf(model);
  const logprobs: number[] = [];
  const greedy: boolean[] = [];
  let promptTokens = 0;
  for (const continuation of continuations) {
    const whole = encodeContinuation(rendered(continuation, model), tokenizer);
    // the last token is only scored, so that one more than the model's positions fit; what is cut is the beginning
    const from = Math.max(0, whole.ids.length - (model.maxPositions + 1));
    const ids = whole.ids.slice(from);
    const context = Math.max(1, whole.contextLength - from);
    const labels = ids.map((id, i) => i < context ? IGNORED_LABEL : id);
    const scores = await model.scoreLabels({ ids, labels, signal });
    if (scores.count === 0) {
      throw new UserError(
        `Cannot score the choice ${JSON.stringify(continuation.continuation)}: it has no tokens`,
      );
    }
    logprobs.push(scores.logprob);
    greedy.push(scores.greedy === scores.count);
    promptTokens += ids.length;
  }
  const given = logprobs.slice(0, choices.length);
  const best = given.indexOf(Math.max(...given));
  return {
    scores: score(logprobs, greedy),
    output: choices[best] ?? null,
    logprobs,
    hitTokenLimit: false,
    promptTokens,
    outputTokens: 0,
  };
}

/** Puts a conversation in the form that the model knows. */
function rendered(
  { messages, ...continuation }: Continuation,
  model: EvaluationModel,
): Continuation {
  if (messages === undefined) return continuation;
  return { ...continuation, context: renderTurns(messages, model).text };
}

/** A conversation whose last turn is the assistant's is to be gone on with. */
function renderTurns(messages: readonly ChatMessage[], model: EvaluationModel): RenderedChat {
  const tokenizer = tokenizerOf(model);
  if (!tokenizer.hasChatTemplate) {
    throw new UserError(
      `Cannot apply the chat template of "${model.id}": it has none; leave out --apply-chat-template`,
    );
  }
  const isBegun = messages.at(-1)?.role === "assistant";
  return tokenizer.renderChat(messages, {
    separateTurns: true,
    addGenerationPrompt: !isBegun,
    ...(isBegun ? { continueFinalMessage: true } : {}),
  });
}

/**
 * Turns a context and what follows it into ids, as lm-evaluation-harness does: spaces at the end of the context belong to
 * what follows, which is cut into tokens with the context before it, but the context without what follows.
 */
function encodeContinuation(
  { context, continuation }: Continuation,
  tokenizer: Tokenizer,
): { readonly ids: readonly number[]; readonly contextLength: number } {
  if (context === "") {
    const ids = tokenizer.encode(continuation, { addSpecialTokens: false });
    const prefix = tokenizer.bosTokenId ?? tokenizer.eosTokenIds[0];
    const isThere = prefix === undefined || prefix === ids[0];
    return { ids: isThere ? ids : [prefix, ...ids], contextLength: 1 };
  }
  const trimmed = context.trimEnd();
  const whole = encodeText(context + continuation, tokenizer);
  const before = encodeText(trimmed, tokenizer);
  return { ids: [...before, ...whole.slice(before.length)], contextLength: before.length };
}

/** A text that begins with the beginning-of-sequence token gets no second one. */
function encodeText(text: string, tokenizer: Tokenizer): number[] {
  const { bosTokenId } = tokenizer;
  const bos = bosTokenId === undefined
    ? ""
    : tokenizer.decode([bosTokenId], { skipSpecialTokens: false });
  return tokenizer.encode(text, { addSpecialTokens: bos === "" || !text.startsWith(bos) });
}

async function askText(
  model: EvaluationModel,
  { prompt, stop, answer, temperature, score, ...request }: GenerateRequest,
  { seed, signal }: AskModelOptions,
): Promise<Answer> {
  const tokenizer = tokenizerOf(model);
  const maxTokens = request.maxTokens ??
    Math.max(MIN_ANSWER_TOKENS, 2 * tokenizer.encode(answer, { addSpecialTokens: false }).length);
  const room = model.maxPositions - maxTokens;
  if (room < 1) {
    throw new UserError(
      `Cannot generate ${maxTokens} tokens with "${model.id}": its context has ${model.maxPositions}; ` +
        "lower --max-tokens",
    );
  }
  const whole = encodePrompt(prompt, model);
  if (whole.length === 0) throw new UserError("Cannot go on from a prompt that has no tokens");
  if (request.maxTokens === undefined && whole.length > room) {
    throw new UserError(
      `Cannot put a prompt of ${whole.length} tokens to "${model.id}": its context has ` +
        `${model.maxPositions} tokens and the answer may take ${maxTokens}; lower --max-tokens`,
    );
  }
  const promptIds = whole.slice(-room);
  const { text, reason, tokens } = await model.generateText({
    ...{ promptIds, maxTokens, temperature, seed, stop, signal },
  });
  const judged = score(text);
  return {
    scores: judged.scores,
    output: text,
    ...(judged.reason === undefined ? {} : { reason: judged.reason }),
    hitTokenLimit: reason === "length",
    promptTokens: promptIds.length,
    outputTokens: tokens,
  };
}

function encodePrompt(prompt: TaskPrompt, model: EvaluationModel): readonly number[] {
  const { text, messages, needsTemplate } = prompt;
  const tokenizer = tokenizerOf(model);
  if (messages !== undefined && needsTemplate) {
    return encodeText(renderTurns(messages, model).text, tokenizer);
  }
  if (messages === undefined || !tokenizer.hasChatTemplate) return encodeText(text, tokenizer);
  return tokenizer.renderChat(messages, { separateTurns: true, addGenerationPrompt: true }).ids;
}

async function askLoss(
  model: EvaluationModel,
  { row, place }: LossRequest,
  { signal }: AskModelOptions,
): Promise<Answer> {
  const { tokenizer, vocabSize, maxPositions: maxLength } = model;
  const { examples } = encodeRow(row, { place, tokenizer, vocabSize, maxLength });
  let [logprob, count, greedy, promptTokens] = [0, 0, 0, 0];
  for (const { inputIds, labels } of examples) {
    const scores = await model.scoreLabels({ ids: inputIds, labels, signal });
    logprob += scores.logprob;
    count += scores.count;
    greedy += scores.greedy;
    promptTokens += inputIds.length;
  }
  if (count === 0) {
    throw new UserError(`Cannot measure the loss of line ${place.line}: no token of it is trained`);
  }
  return {
    scores: { loss: -logprob / count, token_accuracy: greedy / count },
    output: null,
    hitTokenLimit: false,
    promptTokens,
    outputTokens: count,
  };
}

function tokenizerOf({ id, tokenizer }: EvaluationModel): Tokenizer {
  if (tokenizer !== undefined) return tokenizer;
  throw new UserError(`Cannot put texts to "${id}": its folder has no tokenizer.json`);
}
