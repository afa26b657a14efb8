/**
 * The keys of a server's clients, in a file that holds no key but only its hash.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import {
  array,
  decode,
  integer,
  nullable,
  object,
  oneOf,
  readJsonFile,
  text,
} from "../../utils/json.ts";

/** What a key lets its holder do: ask the model, or change what is served too. */
export const KEY_ROLES = ["read", "admin"] as const;

/** What a key lets its holder do. */
export type KeyRole = (typeof KEY_ROLES)[number];

/** What is known of a key. */
export interface ApiKey {
  /** What it is called by; part of the key itself. */
  readonly id: string;
  /** Whose it is, or what it is for. */
  readonly name: string;
  /** What it lets its holder do. */
  readonly role: KeyRole;
  /** When it was made, in ISO 8601. */
  readonly created: string;
  /** The most requests within a minute; null has no limit. */
  readonly requestsPerMinute: number | null;
  /** The most requests at the same time; null has no limit. */
  readonly maxConcurrent: number | null;
}

/** A key as the file has it. */
export interface StoredKey extends ApiKey {
  /** SHA-256 of the key, in hexadecimal digits. Keys are 256 random bits, so no slower hash is needed. */
  readonly sha256: string;
}

/** What a new key is made with. */
export interface NewKey {
  /** Whose it is, or what it is for. */
  readonly name: string;
  /** What it lets its holder do. @default {"read"} */
  readonly role?: KeyRole;
  /** The most requests within a minute. @default {null} */
  readonly requestsPerMinute?: number | null;
  /** The most requests at the same time. @default {null} */
  readonly maxConcurrent?: number | null;
  /** The time, in milliseconds since the epoch. @default {now} */
  readonly now?: number;
}

/** A key that was made; its secret is shown once and stored nowhere. */
export interface CreatedKey {
  /** What clients send. */
  readonly secret: string;
  /** What is known of it. */
  readonly key: ApiKey;
}

const keyFile = object({
  version: integer({ min: 1, max: 1 }),
  keys: array(object<StoredKey>({
    id: text(),
    name: text(),
    role: oneOf(KEY_ROLES),
    created: text(),
    requestsPerMinute: nullable(integer({ min: 1 })),
    maxConcurrent: nullable(integer({ min: 1 })),
    sha256: text(),
  })),
});

/**
 * Returns the keys in a file, none where there is no file.
 *
 * @throws {UserError} If it cannot be read.
 */
export async function readKeys(path: string): Promise<readonly StoredKey[]> {
  try {
    await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw fileError("read", path, error);
  }
  return decode(keyFile, await readJsonFile(path), path).keys;
}

/**
 * Makes a key and writes its hash to the file.
 *
 * @throws {UserError} If the file cannot be read or written.
 */
export async function createKey(path: string, options: NewKey): Promise<CreatedKey> {
  const { name, role = "read", requestsPerMinute = null, maxConcurrent = null } = options;
  const id = randomText(6);
  const secret = `lt-${id}-${randomText(32)}`;
  const created = new Date(options.now ?? Date.now()).toISOString();
  const key = { id, name, role, created, requestsPerMinute, maxConcurrent };
  const sha256 = createHash("sha256").update(secret).digest("hex");
  await writeKeys(path, [...await readKeys(path), { ...key, sha256 }]);
  return { secret, key };
}

/**
 * Takes a key away; servers that read the file refuse it from their next request on.
 *
 * @throws {UserError} If there is none of this id.
 */
export async function revokeKey(path: string, id: string): Promise<ApiKey> {
  const keys = await readKeys(path);
  const found = keys.find((key) => key.id === id);
  if (found === undefined) {
    throw new UserError(
      `Cannot revoke key "${id}": "${path}" has none of this id; llm-training keys list shows all`,
    );
  }
  await writeKeys(path, keys.filter((key) => key !== found));
  return found;
}

async function writeKeys(path: string, keys: readonly StoredKey[]): Promise<void> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
  } catch (error) {
    throw fileError("write", path, error);
  }
  await writeFileAtomic(path, `${JSON.stringify({ version: 1, keys }, null, 2)}\n`);
  if (Deno.build.os !== "windows") await Deno.chmod(path, 0o600);
}

/** Random letters and digits that hold at least `bytes` random bytes. */
function randomText(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}
