/**
 * The form of a stored object: a header, the SHA-256 of all else, and the content, compressed where that helps and
 * encrypted where that is wanted. So a changed bit is found without the key.
 *
 * | bytes | content                                        |
 * | ----- | ---------------------------------------------- |
 * | 4     | `LLMB`                                         |
 * | 1     | version, 1                                     |
 * | 1     | flags: 1 compressed by zstd, 2 encrypted       |
 * | 2     | 0                                              |
 * | 32    | SHA-256 of the 8 bytes before and what follows |
 * | 16    | where encrypted: which data key                |
 * | 12    | where encrypted: nonce of AES-256-GCM          |
 * |       | content; where encrypted, with a tag of 16     |
 *
 * @module
 */

import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import type { DataKey } from "./data_keys.ts";

const MAGIC = [0x4c, 0x4c, 0x4d, 0x42] as const;
const VERSION = 1;
const HEAD_BYTES = 8;
const HASH_BYTES = 32;
const KEY_ID_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const COMPRESSED = 1;
const ENCRYPTED = 2;

/** What is less than this part smaller is not worth decompressing. */
const WORTH_COMPRESSING = 0.97;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Options of {@linkcode sealObject}. */
export interface SealOptions {
  /** The content's id, to which an encrypted content is bound. */
  readonly id: string;
  /** The key; without one it is not encrypted. */
  readonly key: DataKey | undefined;
  /** How hard zstd tries. */
  readonly level: number;
}

/** Returns the id of a content: its SHA-256, in hexadecimal digits. */
export function contentId(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Returns the stored form of a content. */
export async function sealObject(
  content: Uint8Array,
  { id, key, level }: SealOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const packed = await compress(content, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
  const isCompressed = packed.length < content.length * WORTH_COMPRESSING;
  const body = isCompressed ? packed : content;
  const flags = (isCompressed ? COMPRESSED : 0) | (key === undefined ? 0 : ENCRYPTED);
  const head = Uint8Array.of(...MAGIC, VERSION, flags, 0, 0);
  const rest = key === undefined ? [body] : encrypt(body, { id, key });
  const hash = createHash("sha256").update(head);
  for (const part of rest) hash.update(part);
  return concatenate([head, hash.digest(), ...rest]);
}

/** What a stored object turned out to be; `problem` says why it cannot be used. */
export type OpenedObject =
  | { readonly content: Uint8Array; readonly problem?: never }
  | { readonly content?: never; readonly problem: string };

/** Returns what is wrong with a stored object as far as its checksum tells, which needs no key. */
export function checkSealed(stored: Uint8Array): string | undefined {
  if (stored.length < HEAD_BYTES + HASH_BYTES) return "it is cut off";
  if (MAGIC.some((byte, i) => stored[i] !== byte)) {
    return "it is damaged: it is no object of a backup";
  }
  const hash = createHash("sha256").update(stored.subarray(0, HEAD_BYTES))
    .update(stored.subarray(HEAD_BYTES + HASH_BYTES)).digest();
  if (hash.some((byte, i) => byte !== stored[HEAD_BYTES + i])) {
    return "it is damaged: its checksum differs";
  }
  return stored[4] === VERSION
    ? undefined
    : `it has version ${stored[4]}, this program reads ${VERSION}`;
}

/** Whether a stored object is encrypted. */
export function isSealedByKey(stored: Uint8Array): boolean {
  return ((stored[5] ?? 0) & ENCRYPTED) !== 0;
}

/** Returns the content of a stored object, if that is the one with this id. */
export async function openObject(
  stored: Uint8Array,
  { id, keyOf }: {
    readonly id: string;
    readonly keyOf: (keyId: string) => Promise<DataKey>;
  },
): Promise<OpenedObject> {
  const problem = checkSealed(stored);
  if (problem !== undefined) return { problem };
  let body = stored.subarray(HEAD_BYTES + HASH_BYTES);
  if (isSealedByKey(stored)) {
    const key = await keyOf(hex(body.subarray(0, KEY_ID_BYTES)));
    const plain = decrypt(body, { id, key });
    if (plain === undefined) return { problem: "it cannot be decrypted: it belongs elsewhere" };
    body = plain;
  }
  if ((stored[5]! & COMPRESSED) !== 0) {
    try {
      body = await decompress(body);
    } catch {
      return { problem: "it cannot be decompressed" };
    }
  }
  const content = new Uint8Array(body);
  return contentId(content) === id ? { content } : { problem: "it holds another content" };
}

function encrypt(
  body: Uint8Array,
  { id, key }: { readonly id: string; readonly key: DataKey },
): readonly Uint8Array[] {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key.bytes, nonce);
  cipher.setAAD(new TextEncoder().encode(id));
  const secret = cipher.update(body);
  const last = cipher.final();
  return [fromHex(key.id), nonce, secret, last, cipher.getAuthTag()];
}

function decrypt(
  body: Uint8Array,
  { id, key }: { readonly id: string; readonly key: DataKey },
): Uint8Array | undefined {
  const nonce = body.subarray(KEY_ID_BYTES, KEY_ID_BYTES + NONCE_BYTES);
  const secret = body.subarray(KEY_ID_BYTES + NONCE_BYTES, body.length - TAG_BYTES);
  try {
    const decipher = createDecipheriv("aes-256-gcm", key.bytes, nonce);
    decipher.setAAD(new TextEncoder().encode(id));
    decipher.setAuthTag(body.subarray(body.length - TAG_BYTES));
    return concatenate([decipher.update(secret), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** Puts pieces into one array. */
function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
