/**
 * Keys and values of texts that were read, for sequences that begin alike: in blocks of a few tokens, each of which knows
 * what may follow it. What was not used for longest goes first when memory runs out.
 *
 * @module
 */

import type { KeyValueBlock, TokenRange } from "./sequence_cache.ts";

/** Tokens of a block: what is shared is a multiple of it. */
export const BLOCK_TOKENS = 16;

/** Options of {@linkcode PrefixCache}. */
export interface PrefixCacheOptions {
  /** The most bytes of keys and values to keep. */
  readonly maxBytes: number;
}

/** A text, and whose keys and values it has: an adapter changes them. */
export interface PrefixKey {
  /** The adapter; `undefined` for none. */
  readonly adapter: string | undefined;
  /** Token ids from the beginning. */
  readonly ids: readonly number[];
}

interface Block {
  /** What precedes it; `undefined` for a beginning. */
  readonly parent: Block | undefined;
  /** Its tokens, as a key. */
  readonly key: string;
  readonly data: KeyValueBlock;
  readonly children: Map<string, Block>;
  usedAt: number;
}

/** Counts of what a cache was good for. */
export interface PrefixCounts {
  /** Tokens that were looked up. */
  readonly lookedUpTokens: number;
  /** Of those, tokens that were found. */
  readonly foundTokens: number;
  /** Bytes of keys and values that it holds. */
  readonly bytes: number;
}

/** Remembers beginnings of texts. */
export class PrefixCache {
  readonly #maxBytes: number;
  readonly #beginnings = new Map<string, Block>();
  #bytes = 0;
  #time = 0;
  #lookedUpTokens = 0;
  #foundTokens = 0;

  /** Opens an empty cache. */
  constructor({ maxBytes }: PrefixCacheOptions) {
    this.#maxBytes = maxBytes;
  }

  /** What it was good for so far. */
  get counts(): PrefixCounts {
    return {
      lookedUpTokens: this.#lookedUpTokens,
      foundTokens: this.#foundTokens,
      bytes: this.#bytes,
    };
  }

  /** Returns the blocks with which a text begins, as far as they are known, and not all of it: its last token stays. */
  find(text: PrefixKey): KeyValueBlock[] {
    const blocks = this.#walk(text, text.ids.length - 1);
    this.#lookedUpTokens += text.ids.length;
    this.#foundTokens += blocks.length * BLOCK_TOKENS;
    return blocks.map(({ data }) => data);
  }

  /** Returns how many tokens {@linkcode PrefixCache.find} would find. */
  lengthOf(text: PrefixKey): number {
    return this.#walk(text, text.ids.length - 1).length * BLOCK_TOKENS;
  }

  /** Remembers a text; `read` returns the keys and values of some of its tokens. */
  add(text: PrefixKey, read: (range: TokenRange) => KeyValueBlock): void {
    const known = this.#walk(text, text.ids.length);
    let parent = known.at(-1);
    for (
      let start = known.length * BLOCK_TOKENS;
      start + BLOCK_TOKENS <= text.ids.length;
      start += BLOCK_TOKENS
    ) {
      const data = read({ start, end: start + BLOCK_TOKENS });
      if (!this.#makeRoom(data.byteLength, parent)) return;
      const key = keyOf(text, start);
      const block: Block = { parent, key, data, children: new Map(), usedAt: this.#time };
      (parent?.children ?? this.#beginnings).set(key, block);
      this.#bytes += data.byteLength;
      parent = block;
    }
  }

  /** The known blocks within the first `limit` tokens. */
  #walk(text: PrefixKey, limit: number): Block[] {
    this.#time++;
    const found: Block[] = [];
    let next = this.#beginnings;
    for (let start = 0; start + BLOCK_TOKENS <= limit; start += BLOCK_TOKENS) {
      const block = next.get(keyOf(text, start));
      if (block === undefined) break;
      block.usedAt = this.#time;
      found.push(block);
      next = block.children;
    }
    return found;
  }

  /** Forgets what was not used for longest until so many bytes more have room; never `kept`, nor what precedes it. */
  #makeRoom(bytes: number, kept: Block | undefined): boolean {
    if (bytes > this.#maxBytes) return false;
    while (this.#bytes + bytes > this.#maxBytes) {
      let oldest: Block | undefined;
      for (const block of this.#ends(this.#beginnings)) {
        if (block !== kept && (oldest === undefined || block.usedAt < oldest.usedAt)) {
          oldest = block;
        }
      }
      if (oldest === undefined) return false;
      (oldest.parent?.children ?? this.#beginnings).delete(oldest.key);
      this.#bytes -= oldest.data.byteLength;
    }
    return true;
  }

  /** Blocks that nothing follows. */
  *#ends(blocks: ReadonlyMap<string, Block>): Generator<Block> {
    for (const block of blocks.values()) {
      if (block.children.size === 0) yield block;
      else yield* this.#ends(block.children);
    }
  }
}

function keyOf({ adapter, ids }: PrefixKey, start: number): string {
  const tokens = ids.slice(start, start + BLOCK_TOKENS).join();
  return start === 0 && adapter !== undefined ? `${adapter}:${tokens}` : tokens;
}

/** Returns how many tokens two prompts have in common, in whole blocks, without the last token of the first. */
export function sharedBlocks(ids: readonly number[], others: readonly number[]): number {
  let count = 0;
  while (count < ids.length - 1 && ids[count] === others[count]) count++;
  return count - count % BLOCK_TOKENS;
}
