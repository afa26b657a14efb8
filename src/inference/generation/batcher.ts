/**
 * Continuous batching: every round extends all running sequences by one token in a single call, and reads a
 * piece of a newly arrived prompt before.
 *
 * @module
 */

import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import { type AsyncQueue, createAsyncQueue } from "../../utils/async_queue.ts";
import type { Decoder, DecoderSequence } from "./decoder.ts";
import type { GenerateRequest } from "./generate.ts";
import {
  createGeneration,
  type Generation,
  type GenerationEvent,
  type GenerationStep,
  type ReadPlan,
} from "./generation.ts";

/** Options of {@linkcode createBatcher}. */
export interface BatcherOptions {
  /** The most sequences that run at once; the rest waits. @default {16} */
  readonly maxRunning?: number;
}

/** Generates many sequences at once with one decoder. */
export interface Batcher {
  /** How many sequences wait for their turn. */
  readonly waiting: number;
  /** How many sequences run. */
  readonly running: number;
  /**
   * Generates a sequence; leaving the iteration calls it off.
   *
   * @throws {RangeError} If the prompt is empty or longer than the model's context.
   */
  submit(request: GenerateRequest): AsyncIterable<GenerationEvent>;
}

/** A sequence that waits for its first turn. */
interface Waiting {
  readonly generation: Generation;
  readonly output: AsyncQueue<GenerationEvent>;
  readonly signal: AbortSignal;
}

/** A sequence that the decoder holds. */
interface Running extends Waiting {
  readonly sequence: DecoderSequence;
  next: ReadPlan;
}

/** Creates a batcher over `decoder`, which remains its caller's to dispose of. */
export function createBatcher(
  decoder: Decoder,
  tokenizer: Tokenizer | undefined,
  options: BatcherOptions = {},
): Batcher {
  return new ContinuousBatcher(decoder, tokenizer, options.maxRunning ?? 16);
}

class ContinuousBatcher implements Batcher {
  readonly #decoder: Decoder;
  readonly #tokenizer: Tokenizer | undefined;
  readonly #maxRunning: number;
  #waiting: Waiting[] = [];
  #running: Running[] = [];
  #isWorking = false;

  constructor(decoder: Decoder, tokenizer: Tokenizer | undefined, maxRunning: number) {
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
    this.#maxRunning = maxRunning;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get running(): number {
    return this.#running.length;
  }

  submit(request: GenerateRequest): AsyncIterable<GenerationEvent> {
    const abandoned = new AbortController();
    const signals = [abandoned.signal, ...request.signal === undefined ? [] : [request.signal]];
    const output = createAsyncQueue<GenerationEvent>({ onAbandon: () => abandoned.abort() });
    this.#waiting.push({
      generation: createGeneration(this.#decoder, this.#tokenizer, request),
      output,
      signal: AbortSignal.any(signals),
    });
    if (!this.#isWorking) void this.#work();
    return output;
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    await Promise.resolve(); // sequences submitted together begin together
    while (this.#waiting.length > 0 || this.#running.length > 0) {
      this.#dropAborted();
      this.#admit();
      const prompt = this.#running.find(({ next }) => !isOneToken(next));
      if (prompt !== undefined) await this.#extend([prompt]);
      const batch = this.#running.filter(({ next }) => isOneToken(next));
      if (batch.length > 0) await this.#extend(batch);
    }
    this.#isWorking = false;
  }

  #dropAborted(): void {
    for (const waiting of this.#waiting.filter(({ signal }) => signal.aborted)) {
      waiting.output.fail(waiting.signal.reason);
    }
    this.#waiting = this.#waiting.filter(({ signal }) => !signal.aborted);
    for (const running of this.#running.filter(({ signal }) => signal.aborted)) {
      this.#remove(running);
      running.output.fail(running.signal.reason);
    }
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#running.length < this.#maxRunning) {
      const waiting = this.#waiting.shift()!;
      const { events, next } = waiting.generation.advance();
      for (const event of events) waiting.output.push(event);
      if (next === undefined) waiting.output.end();
      else this.#running.push({ ...waiting, sequence: this.#decoder.open(), next });
    }
  }

  async #extend(batch: readonly Running[]): Promise<void> {
    const extensions = batch.map(({ sequence, next }) => ({ sequence, ids: next.ids }));
    try {
      const logits = await this.#decoder.extend(extensions, {
        everyPosition: batch[0]!.next.everyPosition,
      });
      for (const [i, running] of batch.entries()) this.#advance(running, logits[i]!);
    } catch (error) {
      for (const running of batch) this.#fail(running, error);
    }
  }

  #advance(running: Running, logits: Float32Array): void {
    let step: GenerationStep;
    try {
      step = running.generation.advance(logits);
    } catch (error) {
      this.#fail(running, error);
      return;
    }
    for (const event of step.events) running.output.push(event);
    if (step.next !== undefined) {
      running.next = step.next;
    } else {
      this.#remove(running);
      running.output.end();
    }
  }

  #fail(running: Running, error: unknown): void {
    this.#remove(running);
    running.output.fail(error);
  }

  #remove(running: Running): void {
    if (!this.#running.includes(running)) return;
    this.#running = this.#running.filter((other) => other !== running);
    running.sequence[Symbol.dispose]();
  }
}

function isOneToken({ ids, everyPosition }: ReadPlan): boolean {
  return ids.length === 1 && !everyPosition;
}
