/**
 * Finished choices, gathered from the events of a completion.
 *
 * @module
 */

import type { FinishReason } from "../generation/generation.ts";
import type { Completion, TextToken } from "../service.ts";

/** One finished choice. */
export interface Choice {
  /** Its number, through all prompts. */
  readonly index: number;
  /** The text. */
  readonly text: string;
  /** The tokens of the text. */
  readonly tokens: readonly TextToken[];
  /** The token that ended it, where one did. */
  readonly eosToken: TextToken | undefined;
  /** The tokens of the prompt, where they were scored. */
  readonly promptTokens: readonly TextToken[];
  /** Why it ended. */
  readonly reason: FinishReason;
  /** How many tokens were generated. */
  readonly generatedTokens: number;
}

/** How many tokens a request read and generated, as OpenAI's API has it. */
export interface Usage {
  /** Tokens of the prompts. */
  readonly prompt_tokens: number;
  /** Tokens generated. */
  readonly completion_tokens: number;
  /** Both. */
  readonly total_tokens: number;
}

/** Waits for every choice of `completion`, of which there are `count`. */
export async function collectChoices(completion: Completion, count: number): Promise<Choice[]> {
  const choices = Array.from({ length: count }, (_, index) => ({
    index,
    text: "",
    tokens: [] as TextToken[],
    eosToken: undefined as TextToken | undefined,
    promptTokens: [] as readonly TextToken[],
    reason: "length" as FinishReason,
    generatedTokens: 0,
  }));
  for await (const event of completion.events) {
    const choice = choices[event.index]!;
    switch (event.type) {
      case "prompt":
        choice.promptTokens = event.tokens;
        break;
      case "output":
        choice.text += event.text;
        choice.tokens.push(...event.tokens);
        break;
      case "end":
        choice.reason = event.reason;
        choice.eosToken = event.eosToken;
        choice.generatedTokens = event.generatedTokens;
        break;
    }
  }
  return choices;
}

/** Returns the usage of a completion that generated `generatedTokens`. */
export function usageOf({ prompts }: Completion, generatedTokens: number): Usage {
  const promptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: generatedTokens,
    total_tokens: promptTokens + generatedTokens,
  };
}
