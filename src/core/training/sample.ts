/**
 * What a model writes while it is trained.
 *
 * @module
 */

import type { Device } from "../../engine/runtime/session.ts";
import { generate } from "../../inference/generation/generate.ts";
import { NEUTRAL_SAMPLING } from "../../inference/generation/sampling.ts";
import { openModelDecoder } from "../../inference/generation/model_decoder.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import { mergeAdapter } from "../../models/adapters/merge.ts";
import { adaptedModel } from "../../models/adapters/weights.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import { UserError } from "../../utils/errors.ts";
import type { TrainingConfig } from "./config.ts";
import type { TrainingModel } from "./prepare.ts";
import { modelWeights, type Trainer } from "./trainer.ts";

/** The most tokens of a sample. */
const MAX_SAMPLE_TOKENS = 48;

/** Options of {@linkcode sampleTexts}. */
export interface SampleOptions {
  /** Model and tokenizer. */
  readonly prepared: TrainingModel;
  /** Holds the weights. */
  readonly trainer: Trainer;
  /** Where to run. */
  readonly device: Device;
  /** Settings of the run, with what to continue: a user's words where the tokenizer knows chats, else texts. */
  readonly config: TrainingConfig;
}

/** What the model makes of a prompt. */
export interface Sample {
  /** What was given. */
  readonly prompt: string;
  /** Its most likely continuation. */
  readonly text: string;
}

/**
 * Finds out before anything is trained that samples cannot be taken.
 *
 * @throws {UserError} If they are wanted of a model without a tokenizer.
 */
export function refuseSamplesWithoutTokenizer(
  { samplePrompts }: TrainingConfig,
  { tokenizer }: TrainingModel,
): void {
  if (samplePrompts.length > 0) tokenizerOf(tokenizer);
}

/** Yields the model's most likely continuation of each prompt of the settings. */
export async function* sampleTexts(options: SampleOptions): AsyncGenerator<Sample, void> {
  const { prepared, trainer, device, config } = options;
  const tokenizer = tokenizerOf(prepared.tokenizer);
  const { model, weights } = await wholeModelOf(prepared, trainer);
  await using decoder = await openModelDecoder(model, {
    device,
    ...(config.threads === null ? {} : { threads: config.threads }),
    weights,
  });
  for (const prompt of config.samplePrompts) {
    const promptIds = tokenizer.hasChatTemplate
      ? tokenizer.renderChat([{ role: "user", content: prompt }], { addGenerationPrompt: true }).ids
      : tokenizer.encode(prompt);
    let text = "";
    for await (
      const event of generate(decoder, tokenizer, {
        promptIds,
        maxTokens: MAX_SAMPLE_TOKENS,
        sampling: { ...NEUTRAL_SAMPLING, temperature: 0 },
        seed: config.seed,
        eosTokenIds: tokenizer.eosTokenIds,
      })
    ) {
      if (event.type === "output") text += event.text;
    }
    yield { prompt, text };
  }
}

function tokenizerOf(tokenizer: Tokenizer | undefined): Tokenizer {
  if (tokenizer !== undefined) return tokenizer;
  throw new UserError("Cannot take samples: the model has no tokenizer; leave --sample-prompt out");
}

/** Returns the model as it is now, an adapter's updates in its weights. */
async function wholeModelOf(
  { trainee: { model, adapter }, baseWeights }: TrainingModel,
  trainer: Trainer,
): Promise<{ model: LanguageModel; weights: ReadonlyMap<string, Tensor> }> {
  const state = await trainer.state();
  const trained = new Map(modelWeights(state).map(({ name, tensor }) => [name, tensor]));
  if (adapter === undefined) return { model, weights: trained };
  const weights = new Map<string, Tensor>();
  const merged = mergeAdapter({
    model,
    config: adapter.config,
    adapterWeight: (name) => trained.get(name)!,
    base: baseWeights(),
  });
  for await (const { name, tensor } of merged) weights.set(name, tensor);
  return { model: adaptedModel(model, adapter.layout), weights };
}
