/**
 * The options that say how tokens are chosen.
 *
 * @module
 */

import type { Command } from "commander";
import type { SamplingSettings } from "../inference/generation/sampling.ts";
import type { CompletionRequest } from "../inference/service.ts";
import { integerOption, numberOption, repeatedOption } from "./option_values.ts";

/** What the options give. */
export interface SamplingOptions extends Partial<SamplingSettings> {
  /** The most tokens of the text. */
  readonly maxTokens?: number;
  /** Seed of the draws. */
  readonly seed?: number;
  /** Strings that end the text. */
  readonly stop?: readonly string[];
}

/** Adds the options to `command`; without them the model's `generation_config.json` decides. */
export function addSamplingOptions(command: Command, defaultMaxTokens?: number): Command {
  return command
    .option(
      "--max-tokens <number>",
      `the most tokens of ${defaultMaxTokens === undefined ? "an answer" : "the text"}`,
      integerOption({ min: 0 }),
      defaultMaxTokens,
    )
    .option(
      "--temperature <number>",
      "0 always takes the likeliest token",
      numberOption({ min: 0 }),
    )
    .option("--top-k <number>", "keep the likeliest tokens; 0 keeps all", integerOption({ min: 0 }))
    .option(
      "--top-p <number>",
      "keep the likeliest tokens that have this probability together",
      numberOption({ min: 0, max: 1 }),
    )
    .option(
      "--min-p <number>",
      "keep tokens at least this many times as likely as the likeliest",
      numberOption({ min: 0, max: 1 }),
    )
    .option(
      "--repetition-penalty <number>",
      "above 1 holds back tokens that have occurred",
      numberOption({ min: Number.MIN_VALUE }),
    )
    .option("--seed <number>", "the same seed draws the same tokens", integerOption({ min: 0 }))
    .option("--stop <text>", "end before this text; may be given several times", repeatedOption);
}

/** Returns the part of a request that the options decide. */
export function samplingRequest(options: SamplingOptions): Omit<CompletionRequest, "prompts"> {
  const { maxTokens, seed, stop, temperature, topK, topP, minP, repetitionPenalty } = options;
  return {
    sampling: given({ temperature, topK, topP, minP, repetitionPenalty }),
    ...given({ maxTokens, seed, stop }),
  };
}

/** The entries of `record` that are not undefined. */
function given<T extends object>(
  record: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
