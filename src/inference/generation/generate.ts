/**
 * Generates one sequence with a model of one's own.
 *
 * @module
 */

import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import type { Decoder } from "./decoder.ts";
import { createGeneration, type GenerationEvent, type GenerationRequest } from "./generation.ts";

/** A {@linkcode GenerationRequest} that can be called off. */
export interface GenerateRequest extends GenerationRequest {
  /** Ends the generation with its reason as error. */
  readonly signal?: AbortSignal;
}

/**
 * Generates a sequence; its last event is always `end`.
 *
 * @throws {RangeError} If the prompt is empty or longer than the model's context.
 */
export async function* generate(
  decoder: Decoder,
  tokenizer: Tokenizer | undefined,
  request: GenerateRequest,
): AsyncGenerator<GenerationEvent, void, void> {
  const generation = createGeneration(decoder, tokenizer, request);
  using sequence = decoder.open({ adapter: request.adapter });
  yield* generation.begin();
  while (!generation.ended) {
    request.signal?.throwIfAborted();
    const plan = generation.plan();
    const { ids, everyPosition } = plan;
    const [logits] = await decoder.extend([{ sequence, ids }], { everyPosition });
    yield* generation.advance(plan, logits!);
  }
}
