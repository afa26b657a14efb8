/**
 * Token stores that are kept, by what they were made of.
 *
 * @module
 */

import { join } from "node:path";
import { removeIfThere } from "../../utils/atomic_file.ts";
import { messageOf, UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { openTokenStore, type TokenStore, TokenStoreError } from "./store_file.ts";

/** Where token stores are kept. */
export interface TokenCache {
  /** Their folder; it need not exist. */
  readonly folder: string;
  /** Whether what is not there is added. @default {true} */
  readonly write?: boolean;
  /** Above this many bytes in all, those not used for longest are removed. @default {20e9} */
  readonly maxBytes?: number;
}

/** Options of {@linkcode openCached}. */
export interface OpenCachedOptions {
  /** Where stores are kept; `undefined` keeps none. */
  readonly cache: TokenCache | undefined;
  /** Writes the store of the key to a path. */
  readonly make: (path: string) => Promise<void>;
  /** Told of what is odd about the cache. */
  readonly onWarning: (warning: string) => void;
}

const EXTENSION = ".tokens";
const PART_EXTENSION = ".part";

/** A part that nobody has written to for so long was left by a process that was killed. */
const ABANDONED_MS = 3_600_000;

const DEFAULT_MAX_BYTES = 20e9;

/** Opens the store of `key`; it is made where there is none, or only a damaged one. */
export async function openCached(key: string, options: OpenCachedOptions): Promise<TokenStore> {
  const { cache, make, onWarning } = options;
  if (cache === undefined) return await openTemporary(make);
  const path = join(cache.folder, `${key}${EXTENSION}`);
  const kept = await openKept(path, onWarning);
  if (kept !== undefined) return kept;
  if (cache.write === false) return await openTemporary(make);
  const part = join(cache.folder, `${key}.${crypto.randomUUID()}${PART_EXTENSION}`);
  try {
    await Deno.mkdir(cache.folder, { recursive: true });
    await (await Deno.create(part)).close();
  } catch (error) {
    onWarning(
      `tokens are not kept for the next run, ${messageOf(fileError("write", cache.folder, error))}`,
    );
    return await openTemporary(make);
  }
  try {
    await make(part);
    await Deno.rename(part, path);
  } catch (error) {
    await removeIfThere(part);
    throw fileError("write", path, error);
  }
  const store = openTokenStore(path);
  await evict(cache, path);
  return store;
}

/** Opens a store of an earlier run, and notes that it was used. */
async function openKept(
  path: string,
  onWarning: (warning: string) => void,
): Promise<TokenStore | undefined> {
  // where the place cannot be read, writing to it says why
  if (await Deno.stat(path).then(() => false, () => true)) return undefined;
  try {
    const store = openTokenStore(path);
    const now = new Date();
    await Deno.utime(path, now, now).catch(() => {}); // only decides what is removed first
    return store;
  } catch (error) {
    if (!(error instanceof TokenStoreError)) throw error;
    onWarning(`the tokens kept in "${path}" are damaged and made anew`);
    await removeIfThere(path);
    return undefined;
  }
}

/** Opens a store that is gone once it is closed, or the process ends. */
async function openTemporary(make: (path: string) => Promise<void>): Promise<TokenStore> {
  const path = await Deno.makeTempFile({ prefix: "llm-training-", suffix: EXTENSION });
  try {
    await make(path);
    const store = openTokenStore(path);
    // an open file cannot be removed on Windows
    return Deno.build.os === "windows" ? removedWhenClosed(store, path) : store;
  } finally {
    if (Deno.build.os !== "windows") await removeIfThere(path);
  }
}

function removedWhenClosed(store: TokenStore, path: string): TokenStore {
  return {
    ...store,
    [Symbol.dispose]() {
      store[Symbol.dispose]();
      Deno.removeSync(path);
    },
  };
}

/** Removes what was left behind, and the stores not used for longest until the rest is small enough. */
async function evict(
  { folder, maxBytes = DEFAULT_MAX_BYTES }: TokenCache,
  newest: string,
): Promise<void> {
  const stores: { path: string; bytes: number; usedMs: number }[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    const path = join(folder, name);
    const info = isFile ? await Deno.stat(path).catch(() => undefined) : undefined;
    if (info === undefined) continue; // another process has removed it
    const usedMs = info.mtime?.getTime() ?? 0;
    if (name.endsWith(PART_EXTENSION) && Date.now() - usedMs > ABANDONED_MS) await discard(path);
    if (name.endsWith(EXTENSION)) stores.push({ path, bytes: info.size, usedMs });
  }
  let bytes = stores.reduce((sum, store) => sum + store.bytes, 0);
  for (const store of stores.toSorted((a, b) => a.usedMs - b.usedMs)) {
    if (bytes <= maxBytes) break;
    if (store.path === newest) continue;
    await discard(store.path);
    bytes -= store.bytes;
  }
}

/** Removes a file unless another process is reading it and the system does not allow it then. */
async function discard(path: string): Promise<void> {
  try {
    await removeIfThere(path);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}
