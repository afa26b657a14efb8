/**
 * Continuous batching: in every round a piece of the prompts that have arrived is read, and all sequences that generate
 * are extended by a token in one run. Sequences join and leave between rounds.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import { type AsyncQueue, createAsyncQueue } from "../../utils/async_queue.ts";
import type { Decoder, DecoderSequence } from "./decoder.ts";
import type { GenerateRequest } from "./generate.ts";
import {
  createGeneration,
  type Generation,
  type GenerationEvent,
  type ReadPlan,
} from "./generation.ts";
import { PREFILL_TOKENS } from "./run_groups.ts";
import { RunPace } from "./run_pace.ts";
import { SharedPrefixes } from "./shared_prefixes.ts";
import { SuffixLookup } from "./suffix_lookup.ts";

/** Options of {@linkcode createBatcher}. */
export interface BatcherOptions {
  /** The most sequences that run at once; the rest waits. @default {16} */
  readonly maxRunning?: number;
  /**
   * The most tokens of prompts read in a round while others generate, which wait for it; fewer where that would take
   * them longer than about a quarter of a second. @default {256}
   */
  readonly prefillTokens?: number;
  /** The most bytes of keys and values of running sequences. @default {2 GiB} */
  readonly cacheBytes?: number;
  /** The most bytes of keys and values of texts that were read; 0 remembers none. @default {512 MiB} */
  readonly prefixBytes?: number;
  /** The most tokens that a sequence may hold. @default {what the model and memory have room for} */
  readonly maxContext?: number;
  /**
   * The most tokens guessed by what followed the same words before, in any sequence, while one runs alone. @default {0}
   */
  readonly maxDrafts?: number;
}

/** What a batcher has done so far. */
export interface BatcherCounts {
  /** Tokens of prompts that were given. */
  readonly promptTokens: number;
  /** Of those, tokens that were found in the prefix cache. */
  readonly cachedTokens: number;
  /** Tokens that were generated. */
  readonly generatedTokens: number;
  /** Tokens that were guessed. */
  readonly draftTokens: number;
  /** Of those, tokens that were right. */
  readonly acceptedTokens: number;
  /** Sequences that had to make room for others and began again later. */
  readonly preemptions: number;
  /** Bytes of keys and values of running sequences, with the room that they do not use. */
  readonly cacheBytes: number;
  /** Bytes of keys and values in the prefix cache. */
  readonly prefixBytes: number;
}

/** Generates many sequences at once with one decoder. */
export interface Batcher {
  /** The most tokens that a sequence may hold: the model's, or fewer where memory has no room for them. */
  readonly maxPositions: number;
  /** How many sequences wait for their turn. */
  readonly waiting: number;
  /** How many sequences run. */
  readonly running: number;
  /** What it has done so far. */
  readonly counts: BatcherCounts;
  /**
   * Generates a sequence; leaving the iteration calls it off.
   *
   * @throws {RangeError} If the prompt is empty or longer than the model's context.
   */
  submit(request: GenerateRequest): AsyncIterable<GenerationEvent>;
}

/** A sequence that waits for its turn. */
interface Waiting {
  readonly generation: Generation;
  readonly request: GenerateRequest;
  readonly output: AsyncQueue<GenerationEvent>;
  readonly signal: AbortSignal;
}

/** A sequence that the decoder holds. */
interface Running extends Waiting {
  readonly sequence: DecoderSequence;
}

/** A running sequence and what of it is read in a run. */
interface Planned {
  readonly running: Running;
  readonly plan: ReadPlan;
}

/** Creates a batcher over `decoder`, which remains its caller's to dispose of. */
export function createBatcher(
  decoder: Decoder,
  tokenizer: Tokenizer | undefined,
  options: BatcherOptions = {},
): Batcher {
  return new ContinuousBatcher(decoder, tokenizer, options);
}

class ContinuousBatcher implements Batcher {
  readonly maxPositions: number;
  readonly #decoder: Decoder;
  readonly #tokenizer: Tokenizer | undefined;
  readonly #options: Required<BatcherOptions>;
  readonly #prefixes: SharedPrefixes;
  readonly #counts = {
    promptTokens: 0,
    cachedTokens: 0,
    generatedTokens: 0,
    draftTokens: 0,
    acceptedTokens: 0,
    preemptions: 0,
  };
  #waiting: Waiting[] = [];
  #running: Running[] = [];
  readonly #justRead: Running[] = [];
  #isWorking = false;
  readonly #pace = new RunPace();
  readonly #lookup: SuffixLookup | undefined;

  constructor(decoder: Decoder, tokenizer: Tokenizer | undefined, options: BatcherOptions) {
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
    this.#options = {
      maxRunning: options.maxRunning ?? 16,
      prefillTokens: options.prefillTokens ?? 256,
      cacheBytes: Math.min(options.cacheBytes ?? 2 ** 31, decoder.memory?.mostBytes ?? Infinity),
      prefixBytes: options.prefixBytes ?? 2 ** 29,
      maxDrafts: decoder.memory === undefined ? 0 : options.maxDrafts ?? 0,
      maxContext: options.maxContext ?? Infinity,
    };
    if (this.#options.maxDrafts > 0) this.#lookup = new SuffixLookup();
    this.#prefixes = new SharedPrefixes(decoder.memory, { maxBytes: this.#options.prefixBytes });
    decoder.memory?.limit(this.#options.cacheBytes);
    const { bytesPerToken = 0 } = decoder.memory ?? {};
    this.maxPositions = Math.min(
      decoder.maxPositions,
      this.#options.maxContext,
      bytesPerToken === 0 ? Infinity : Math.floor(this.#options.cacheBytes / bytesPerToken),
    );
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get running(): number {
    return this.#running.length;
  }

  get counts(): BatcherCounts {
    return {
      ...this.#counts,
      cacheBytes: this.#decoder.memory?.bytes ?? 0,
      prefixBytes: this.#prefixes.bytes,
    };
  }

  submit(request: GenerateRequest): AsyncIterable<GenerationEvent> {
    const abandoned = new AbortController();
    const signals = [abandoned.signal, ...request.signal === undefined ? [] : [request.signal]];
    const output = createAsyncQueue<GenerationEvent>({ onAbandon: () => abandoned.abort() });
    this.#waiting.push({
      generation: createGeneration(
        { vocabSize: this.#decoder.vocabSize, maxPositions: this.maxPositions },
        this.#tokenizer,
        request,
        this.#lookup,
      ),
      request,
      output,
      signal: AbortSignal.any(signals),
    });
    this.#counts.promptTokens += request.promptIds.length;
    if (!this.#isWorking) void this.#work();
    return output;
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    await Promise.resolve(); // sequences submitted together begin together
    while (this.#waiting.length > 0 || this.#running.length > 0) {
      try {
        this.#rememberPrompts();
        this.#dropAborted();
        this.#admit();
        await this.#extend(this.#plannedPrompts());
        await this.#extend(this.#plannedTokens());
      } catch (error) {
        // Outside of any run, memory for keys and values can be wanting.
        for (const running of this.#running) this.#fail(running, error);
      }
      await setImmediate(); // what was made is passed on, and what was called off is heard, before the next run
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
    while (this.#waiting.length > 0 && this.#running.length < this.#options.maxRunning) {
      const [next] = this.#waiting as [Waiting];
      if (!this.#hasRoomFor(next)) return;
      this.#waiting.shift();
      for (const event of next.generation.begin()) next.output.push(event);
      if (next.generation.ended) {
        next.output.end();
        continue;
      }
      try {
        const { memory } = this.#decoder;
        // Longer sequences than there are now may have left it large.
        if ((memory?.bytes ?? 0) > this.#options.cacheBytes) {
          memory?.compact(this.#running.length + 1);
        }
        const sequence = this.#decoder.open({ adapter: next.request.adapter });
        this.#running.push({ ...next, sequence });
      } catch (error) {
        next.output.fail(error);
      }
    }
  }

  /** Whether one more sequence fits beside those that run. */
  #hasRoomFor({ generation }: Waiting): boolean {
    const count = this.#running.length + 1;
    return count === 1 || this.#fits(count, generation.ids.length + 1);
  }

  #fits(sequences: number, tokens: number): boolean {
    const { memory } = this.#decoder;
    return memory === undefined ||
      memory.bytesWith({ sequences, tokens }) <= this.#options.cacheBytes;
  }

  /** A piece of the prompts that are not read yet: of the first, and of short ones that have room beside it. */
  #plannedPrompts(): Planned[] {
    const unread = this.#running.filter(({ generation }) => !generation.isDecoding);
    const waits = unread.length < this.#running.length;
    const { prefillTokens } = this.#options;
    let left = waits ? Math.min(prefillTokens, this.#pace.bearableTokens) : PREFILL_TOKENS;
    const planned: Planned[] = [];
    for (const running of unread) {
      // What it could take over from one that is read now is known when that has been read.
      if (planned.some((other) => this.#prefixes.willShare(other.running, running))) continue;
      this.#takeOver(running);
      const plan = running.generation.plan({ maxTokens: left });
      const isWhole = running.generation.read + plan.ids.length === running.generation.ids.length;
      if (planned.length > 0) {
        const fitsBeside = isWhole && plan.ids.length <= left;
        if (!fitsBeside || plan.everyPosition !== planned[0]!.plan.everyPosition) continue;
      }
      planned.push({ running, plan });
      left -= plan.ids.length;
      if (left <= 0 || !isWhole) break;
    }
    return planned;
  }

  /** Begins a sequence with what others have of it. */
  #takeOver(running: Running): void {
    const { generation, sequence } = running;
    if (sequence.length > 0 || generation.read > 0) return;
    const count = this.#prefixes.takeOver(running);
    generation.reset(count);
    this.#counts.cachedTokens += count;
  }

  #plannedTokens(): Planned[] {
    const decoding = this.#running.filter(({ generation }) => generation.isDecoding);
    const maxDrafts = this.#running.length === 1 ? this.#options.maxDrafts : 0;
    const options = { maxDrafts, draftCost: this.#pace.furtherCost };
    return decoding.map((running) => ({ running, plan: running.generation.plan(options) }));
  }

  async #extend(planned: readonly Planned[]): Promise<void> {
    const batch = this.#withRoom(planned);
    if (batch.length === 0) return;
    const tokens = batch.reduce((sum, { plan }) => sum + plan.ids.length, 0);
    const { isDecoding } = batch[0]!.running.generation;
    const started = performance.now();
    try {
      const logits = await this.#decoder.extend(
        batch.map(({ running: { sequence }, plan: { ids } }) => ({ sequence, ids })),
        { everyPosition: batch[0]!.plan.everyPosition },
      );
      this.#pace.observe(
        { sequences: batch.length, tokens, isDecoding },
        performance.now() - started,
      );
      for (const [i, one] of batch.entries()) this.#advance(one, logits[i]!);
    } catch (error) {
      for (const { running } of batch) this.#fail(running, error);
    }
  }

  /** Lets the newest sequences wait again until what is planned has room. */
  #withRoom(planned: readonly Planned[]): readonly Planned[] {
    while (planned.length > 0 && this.#running.length > 1) {
      const longest = Math.max(
        ...planned.map(({ running: { sequence }, plan }) => sequence.length + plan.ids.length),
      );
      if (this.#fits(this.#running.length, longest)) return planned;
      const newest = this.#running.at(-1)!;
      this.#remove(newest);
      newest.generation.reset(0);
      this.#waiting.unshift(newest);
      this.#counts.preemptions++;
      planned = planned.filter(({ running }) => running !== newest);
    }
    return planned;
  }

  #advance({ running, plan }: Planned, logits: Float32Array): void {
    const { generation, sequence, output } = running;
    const before = generation.ids.length;
    let events: readonly GenerationEvent[];
    try {
      events = generation.advance(plan, logits);
    } catch (error) {
      return this.#fail(running, error);
    }
    const made = generation.ids.length - before;
    this.#counts.generatedTokens += made;
    if (plan.drafts > 0) {
      this.#counts.draftTokens += plan.drafts;
      this.#counts.acceptedTokens += made - 1;
      this.#decoder.memory?.truncate(sequence, generation.read);
    }
    for (const event of events) output.push(event);
    if (generation.ended) {
      this.#remove(running);
      output.end();
    } else if (made > 0 && !plan.everyPosition && plan.ids.length > 1) {
      this.#justRead.push(running);
    }
  }

  /** Once the first token of a prompt has gone out: what begins alike can use the prompt from now on. */
  #rememberPrompts(): void {
    for (const one of this.#justRead.splice(0)) {
      if (this.#running.includes(one)) this.#prefixes.remember(one);
    }
  }

  #fail(running: Running, error: unknown): void {
    this.#drop(running);
    running.output.fail(error);
  }

  /** Ends a sequence, whose keys and values others may use. */
  #remove(running: Running): void {
    if (running.sequence.length > 0) this.#prefixes.remember(running);
    this.#drop(running);
  }

  #drop(running: Running): void {
    this.#running = this.#running.filter((other) => other !== running);
    running.sequence[Symbol.dispose]();
  }
}
