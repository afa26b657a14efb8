/**
 * Lets sequences begin with what others have read or written: the same words have the same keys and values.
 *
 * @module
 */

import type { DecoderMemory, DecoderSequence } from "./decoder.ts";
import type { Generation, GenerationRequest } from "./generation.ts";
import { PrefixCache, sharedBlocks } from "./prefix_cache.ts";

/** A sequence that may take over what others have, and they from it. */
export interface Sharer {
  /** What is made of it. */
  readonly generation: Generation;
  /** What was asked for. */
  readonly request: GenerationRequest;
  /** What the decoder has of it. */
  readonly sequence: DecoderSequence;
}

/** Remembers what sequences have read and written. */
export class SharedPrefixes {
  readonly #memory: DecoderMemory | undefined;
  readonly #cache: PrefixCache;
  /** How many tokens of a sequence were read as a prompt, by it or by those that it took them over from. */
  readonly #readTokens = new WeakMap<DecoderSequence, number>();

  /** Remembers up to `maxBytes`; nothing where sequences do not lie in host memory. */
  constructor(memory: DecoderMemory | undefined, { maxBytes }: { readonly maxBytes: number }) {
    this.#memory = maxBytes > 0 ? memory : undefined;
    this.#cache = new PrefixCache({ maxBytes });
  }

  /** Bytes of keys and values that are remembered. */
  get bytes(): number {
    return this.#cache.counts.bytes;
  }

  /** Whether `one` could take over more from `other`, when that has been read, than of what is remembered now. */
  willShare(other: Sharer, { generation: { ids, read }, request }: Sharer): boolean {
    const { adapter, scorePrompt } = request;
    if (this.#memory === undefined || read > 0 || scorePrompt) return false;
    if (other.request.adapter !== adapter) return false;
    const shared = sharedBlocks(ids, other.generation.ids);
    return shared > 0 && this.#cache.lengthOf({ adapter, ids }, findOptions(request)) < shared;
  }

  /** Begins a sequence of which nothing was read yet; returns how many tokens it has now. */
  takeOver({ generation: { ids }, request, sequence }: Sharer): number {
    const { adapter, promptIds, scorePrompt } = request;
    const isAsked = this.#memory !== undefined && !scorePrompt; // else the logits of its tokens are wanted
    const { blocks, readTokens } = isAsked
      ? this.#cache.find({ adapter, ids }, findOptions(request))
      : { blocks: [], readTokens: 0 };
    for (const block of blocks) this.#memory!.append(sequence, block);
    const isAllRead = readTokens === sequence.length;
    this.#readTokens.set(sequence, isAllRead ? promptIds.length : readTokens);
    return sequence.length;
  }

  /** Remembers a sequence. */
  remember({ generation, request: { adapter }, sequence }: Sharer): void {
    const memory = this.#memory;
    if (memory === undefined) return;
    const ids = generation.ids.slice(0, Math.min(sequence.length, generation.read));
    this.#cache.add({ adapter, ids }, {
      readTokens: this.#readTokens.get(sequence) ?? 0,
      keysOf: (range) => memory.read(sequence, range),
    });
  }
}

function findOptions({ repeatable = false }: GenerationRequest): { readonly onlyRead: boolean } {
  return { onlyRead: repeatable };
}
