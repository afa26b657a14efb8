/**
 * Keys and values of texts that were read, for sequences that begin alike: in blocks of a few tokens, each of which knows
 * what may follow it. What was not used for longest goes first when memory runs out.
 *
 * @module
 */

import type { KeyValueBlock, TokenRange } from "./sequence_cache.ts";

/** Tokens of a block: what is shared is a multiple of it. */
export const BLOCK_TOKENS = 16;

/** What is not taken over of a text: its last token, and one more, as a token read alone is rounded otherwise. */
const LEFT_TOKENS = 2;

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

/** Which blocks may be taken over. */
export interface FindOptions {
  /** Only those that were read as prompts, at least two tokens at a time, and so are what reading them again gives. */
  readonly onlyRead: boolean;
}

interface Block {
  /** What precedes it; `undefined` for a beginning. */
  readonly parent: Block | undefined;
  /** Its tokens, as a key. */
  readonly key: string;
  /** How many tokens there are with those before it. */
  readonly end: number;
  data: KeyValueBlock;
  /** Whether its tokens and all before them were read as a prompt; others were generated one by one. */
  isRead: boolean;
  readonly children: Map<string, Block>;
  usedAt: number;
}

/** What was found of a text. */
export interface FoundPrefix {
  /** Its blocks from the beginning. */
  readonly blocks: readonly KeyValueBlock[];
  /** How many of their tokens were read as a prompt: all, or those of the first blocks. */
  readonly readTokens: number;
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

  /** Returns the blocks with which a text begins, as far as they are known, and not all of it: its end stays. */
  find(text: PrefixKey, options: FindOptions): FoundPrefix {
    const blocks = this.#found(text, options);
    this.#lookedUpTokens += text.ids.length;
    this.#foundTokens += blocks.length * BLOCK_TOKENS;
    return {
      blocks: blocks.map(({ data }) => data),
      readTokens: blocks.filter(({ isRead }) => isRead).length * BLOCK_TOKENS,
    };
  }

  /** Returns how many tokens {@linkcode PrefixCache.find} would find. */
  lengthOf(text: PrefixKey, options: FindOptions): number {
    return this.#found(text, options).length * BLOCK_TOKENS;
  }

  /** Remembers a text, of which the first `readTokens` tokens were read as a prompt; `keysOf` returns some of it. */
  add(
    text: PrefixKey,
    { readTokens, keysOf }: {
      readonly readTokens: number;
      readonly keysOf: (range: TokenRange) => KeyValueBlock;
    },
  ): void {
    let parent: Block | undefined;
    for (const [at, block] of this.#walk(text, text.ids.length).entries()) {
      const range = { start: at * BLOCK_TOKENS, end: (at + 1) * BLOCK_TOKENS };
      if (!block.isRead && range.end <= readTokens) {
        block.data = keysOf(range);
        block.isRead = true;
      }
      parent = block;
    }
    let start = parent === undefined ? 0 : parent.end;
    for (; start + BLOCK_TOKENS <= text.ids.length; start += BLOCK_TOKENS) {
      const end = start + BLOCK_TOKENS;
      const data = keysOf({ start, end });
      if (!this.#makeRoom(data.byteLength, parent)) return;
      const block: Block = {
        ...{ parent, data, end },
        key: keyOf(text, start),
        isRead: end <= readTokens,
        children: new Map(),
        usedAt: this.#time,
      };
      (parent?.children ?? this.#beginnings).set(block.key, block);
      this.#bytes += data.byteLength;
      parent = block;
    }
  }

  #found(text: PrefixKey, { onlyRead }: FindOptions): Block[] {
    const blocks = this.#walk(text, text.ids.length - LEFT_TOKENS);
    const end = blocks.findIndex(({ isRead }) => onlyRead && !isRead);
    return end < 0 ? blocks : blocks.slice(0, end);
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

/** Returns how many tokens two prompts have in common, in whole blocks, without the end of the first. */
export function sharedBlocks(ids: readonly number[], others: readonly number[]): number {
  let count = 0;
  while (count < ids.length - LEFT_TOKENS && ids[count] === others[count]) count++;
  return count - count % BLOCK_TOKENS;
}
