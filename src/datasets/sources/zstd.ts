/**
 * Decompression of zstd, frame by frame: what follows a frame is read too, one that is cut off is noticed, and the
 * checksum that most files have is held against what comes out. Deno's `node:zlib` does neither of the first two,
 * `fzstd` by itself does not do the last.
 *
 * @module
 */

import { Decompress } from "fzstd";
import xxhash, { type XXHash } from "xxhash-wasm";
import { messageOf } from "../../utils/errors.ts";
import { UnreadableError } from "./unreadable.ts";

/** Yields what zstd frames hold. */
export async function* unzstd(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const { create64 } = await xxhash();
  const reader = new FrameReader(() => create64());
  try {
    for await (const chunk of chunks) yield* reader.push(chunk);
    reader.end();
  } catch (error) {
    if (!(error instanceof ZstdError)) throw error;
    throw new UnreadableError(
      `its zstd compression is damaged or cut off (${messageOf(error)}); make the file anew`,
      { cause: error },
    );
  }
}

class ZstdError extends Error {}

/** What is read next. */
type Part =
  | "magic"
  | "descriptor"
  | "header"
  | "block"
  | "content"
  | "checksum"
  | "skip-size"
  | "skip";

const MAGIC = 0xfd2fb528;

/** Magic numbers of frames that are to be skipped differ in their last four bits. */
const SKIPPABLE_MAGIC = 0x184d2a50;

type Hash = XXHash<bigint>;

interface Frame {
  readonly decompress: Decompress;
  readonly hash: Hash;
}

/** In damaged data fzstd stumbles over errors of every kind. */
function decompress(frame: Frame, bytes: Uint8Array, { isEnd = false } = {}): void {
  try {
    frame.decompress.push(bytes, isEnd);
  } catch (cause) {
    const message = cause instanceof RangeError ? "impossible sizes" : messageOf(cause);
    throw new ZstdError(message, { cause });
  }
}

class FrameReader {
  #part: Part = "magic";
  /** Bytes that are still missing of the part. */
  #missing = 4;
  /** The number that the part is, its least byte first. */
  #value = 0;
  #taken = 0;
  #hasChecksum = false;
  #isLast = false;
  #frame: Frame | undefined;
  #ready: Uint8Array[] = [];
  readonly #createHash: () => Hash;

  constructor(createHash: () => Hash) {
    this.#createHash = createHash;
  }

  /** Returns what can be decompressed with `chunk`. */
  push(chunk: Uint8Array): Uint8Array[] {
    let from = 0; // what the frame has not been given yet
    for (let at = 0; at < chunk.length;) {
      const count = Math.min(this.#missing, chunk.length - at);
      if (this.#part !== "content" && this.#part !== "skip" && this.#part !== "header") {
        for (let i = at; i < at + count; i++) this.#value += chunk[i]! * 2 ** (8 * this.#taken++);
      }
      this.#missing -= count;
      at += count;
      while (this.#missing === 0) {
        const value = this.#value;
        const before = this.#part;
        this.#next(value);
        if (before === "magic" && this.#frame !== undefined) {
          decompress(this.#frame, MAGIC_BYTES.slice());
          from = at;
        }
        if (before !== "magic" && this.#part === "magic" && this.#frame !== undefined) {
          this.#endFrame(chunk.subarray(from, at), this.#hasChecksum ? value : undefined);
        }
      }
    }
    if (this.#frame !== undefined && from < chunk.length) {
      decompress(this.#frame, chunk.slice(from));
    }
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  /** Ends the file. */
  end(): void {
    if (this.#part !== "magic" || this.#taken > 0) throw new ZstdError("unexpected end of file");
  }

  #expect(part: Part, missing: number): void {
    [this.#part, this.#missing, this.#value, this.#taken] = [part, missing, 0, 0];
  }

  /** Goes on from a part that is complete to the next. */
  #next(value: number): void {
    switch (this.#part) {
      case "magic":
        if (value === MAGIC) {
          this.#beginFrame();
          this.#expect("descriptor", 1);
        } else if ((value & ~15) >>> 0 === SKIPPABLE_MAGIC) this.#expect("skip-size", 4);
        else throw new ZstdError("no frame where one is due");
        break;
      case "descriptor": {
        const isSingle = (value & 32) !== 0;
        this.#hasChecksum = (value & 4) !== 0;
        const dictionary = [0, 1, 2, 4][value & 3]!;
        const size = [isSingle ? 1 : 0, 2, 4, 8][value >> 6]!;
        this.#expect("header", (isSingle ? 0 : 1) + dictionary + size);
        break;
      }
      case "header":
        this.#expect("block", 3);
        break;
      case "block": {
        const kind = (value >> 1) & 3;
        if (kind === 3) throw new ZstdError("a block of an unknown kind");
        this.#isLast = (value & 1) === 1;
        this.#expect("content", kind === 1 ? 1 : value >> 3);
        break;
      }
      case "content":
        if (!this.#isLast) this.#expect("block", 3);
        else if (this.#hasChecksum) this.#expect("checksum", 4);
        else this.#expect("magic", 4);
        break;
      case "skip-size":
        this.#expect("skip", value);
        break;
      case "checksum":
      case "skip":
        this.#expect("magic", 4);
        break;
    }
  }

  #beginFrame(): void {
    const hash = this.#createHash();
    const decompress = new Decompress((chunk) => {
      hash.update(chunk);
      this.#ready.push(chunk);
    });
    this.#frame = { decompress, hash };
  }

  #endFrame(rest: Uint8Array, checksum: number | undefined): void {
    const frame = this.#frame!;
    this.#frame = undefined;
    decompress(frame, rest.slice(), { isEnd: true });
    if (checksum !== undefined && Number(frame.hash.digest() & 0xffffffffn) !== checksum) {
      throw new ZstdError("the checksum is another");
    }
  }
}

const MAGIC_BYTES = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);
