/**
 * Finds out whose key a request carries.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { type ApiKey, readKeys, type StoredKey } from "./key_file.ts";

/** Knows the keys that are good at the moment. */
export interface KeyRing {
  /** Returns what is known of a key; every key is compared, each in the same time. */
  find(secret: string): Promise<ApiKey | undefined>;
}

/** Returns a ring with a single key, which may do everything that `role` may. */
export function singleKey(secret: string, { role }: Pick<ApiKey, "role">): KeyRing {
  const key: StoredKey = {
    id: "api-key",
    name: "the key of the command line",
    role,
    created: "",
    requestsPerMinute: null,
    maxConcurrent: null,
    sha256: createHash("sha256").update(secret).digest("hex"),
  };
  return { find: (given) => Promise.resolve(search([key], given)) };
}

/** Returns a ring with the keys of a file, which is read again when it has changed. */
export function keysOfFile(path: string): KeyRing {
  let stamp = "";
  let keys: Promise<readonly StoredKey[]> = Promise.resolve([]);
  return {
    async find(secret) {
      const current = await stampOf(path);
      if (current !== stamp) {
        stamp = current;
        keys = readKeys(path);
        keys.catch(() => stamp = "");
      }
      return search(await keys, secret);
    },
  };
}

/** Returns a ring with the keys of several. */
export function joinedKeys(rings: readonly KeyRing[]): KeyRing {
  return {
    async find(secret) {
      const found = await Promise.all(rings.map((ring) => ring.find(secret)));
      return found.find((key) => key !== undefined);
    },
  };
}

/** Where the keys of clients come from. */
export interface ClientKeys {
  /** A key by itself, which may ask the model. */
  readonly apiKey?: string | undefined;
  /** The file of keys. */
  readonly keysFile?: string | undefined;
}

/**
 * Returns a ring with the keys that clients have; `undefined` where there is none, so that nobody need send one.
 *
 * @throws {UserError} If the file cannot be read.
 */
export async function openKeyRing(
  { apiKey, keysFile }: ClientKeys,
): Promise<KeyRing | undefined> {
  const rings = apiKey === undefined ? [] : [singleKey(apiKey, { role: "read" })];
  // who is closed already learns of keys that are made later
  if (keysFile !== undefined && (await readKeys(keysFile)).length + rings.length > 0) {
    rings.push(keysOfFile(keysFile));
  }
  return rings.length === 0 ? undefined : joinedKeys(rings);
}

function search(keys: readonly StoredKey[], secret: string): ApiKey | undefined {
  const given = createHash("sha256").update(secret).digest();
  const [found] = keys.filter(({ sha256 }) => {
    const expected = Uint8Array.fromHex(sha256);
    return expected.length === given.length && timingSafeEqual(expected, given);
  });
  return found;
}

async function stampOf(path: string): Promise<string> {
  try {
    const { mtime, size, ino } = await Deno.stat(path);
    return `${mtime?.getTime()} ${size} ${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "none";
    throw error;
  }
}
