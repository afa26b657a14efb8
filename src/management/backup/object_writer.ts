/**
 * Writes the objects of a backup that the store does not have yet, several at a time, and reads each one back.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { createDataKey, type DataKey, keyBlob } from "./data_keys.ts";
import type { Repository } from "./repository.ts";
import { contentId, isSealedByKey, openObject, sealObject } from "./sealed_object.ts";
import { objectBlob, OBJECTS_PREFIX } from "./snapshot.ts";

/** Options of {@linkcode openObjectWriter}. */
export interface ObjectWriterOptions {
  /** Sizes of the objects that whole backups name, by id. */
  readonly named: ReadonlyMap<string, number>;
  /** Ids of objects that were found damaged. */
  readonly damaged: ReadonlySet<string>;
  /** How hard zstd tries. */
  readonly level: number;
  /** Whether nothing is written. */
  readonly dryRun: boolean;
  /** Stops before the next object. */
  readonly signal?: AbortSignal | undefined;
}

/** Writes objects. */
export interface ObjectWriter {
  /** Sizes of the objects that were added, by id, in the form in which they are stored. */
  readonly objects: ReadonlyMap<string, number>;
  /** The size of those that were written. */
  readonly newBytes: number;
  /** Whether the store has an object whole. */
  has(id: string): boolean;
  /** Adds an object that the store has. */
  addKnown(id: string): void;
  /** Adds an object and returns its id; `content` is not to be changed any more. */
  add(content: Uint8Array): Promise<string>;
  /** Waits until all is written. */
  settle(): Promise<void>;
}

/** How many objects are written at a time. */
const CONCURRENCY = 4;

/** Opens a writer; looks at what the store has. */
export async function openObjectWriter(
  { store, config, keys }: Repository,
  options: ObjectWriterOptions,
): Promise<ObjectWriter> {
  const { named, damaged, level, dryRun, signal } = options;
  const stored = new Map<string, number>();
  for await (const { key, sizeBytes } of store.list(OBJECTS_PREFIX)) {
    stored.set(key.slice(key.lastIndexOf("/") + 1), sizeBytes);
  }
  const objects = new Map<string, number>();
  const running = new Set<Promise<void>>();
  let newBytes = 0;
  let failure: { readonly error: unknown } | undefined;
  let dataKey: Promise<DataKey | undefined> | undefined;

  const has = (id: string) => named.has(id) && stored.get(id) === named.get(id) && !damaged.has(id);
  const keyOf = (key: string) => keys.open(key);
  const makeKey = async () => {
    if (config.recipients.length === 0) return undefined;
    const { key, stored } = await createDataKey(config.recipients);
    if (!dryRun) await store.put(keyBlob(key.id), stored); // before anything that needs it
    return key;
  };
  const write = async (id: string, content: Uint8Array) => {
    const name = objectBlob(id);
    if (stored.has(id) && config.recipients.length === 0) {
      // of a backup that was interrupted: it counts if it is whole
      const left = await store.get(name);
      if (left !== undefined && !isSealedByKey(left)) {
        const { content: found } = await openObject(left, { id, keyOf });
        if (found !== undefined) return void objects.set(id, left.length);
      }
    }
    const key = await (dataKey ??= makeKey());
    const sealed = await sealObject(content, { id, key, level });
    if (!dryRun) {
      await store.put(name, sealed);
      const written = await store.get(name);
      if (written === undefined || contentId(written) !== contentId(sealed)) {
        throw new UserError(
          `Cannot back up to "${store.name}": ${name} reads otherwise than it was written; look at the disk or service`,
        );
      }
    }
    newBytes += sealed.length;
    objects.set(id, sealed.length);
  };
  const settle = async () => {
    while (running.size > 0) await Promise.race(running);
    if (failure !== undefined) throw failure.error;
  };
  return {
    objects,
    get newBytes() {
      return newBytes;
    },
    has,
    addKnown: (id) => void objects.set(id, named.get(id)!),
    async add(content) {
      signal?.throwIfAborted();
      if (failure !== undefined) await settle();
      const id = contentId(content);
      if (objects.has(id)) return id;
      if (has(id)) {
        objects.set(id, named.get(id)!);
        return id;
      }
      objects.set(id, 0); // under way
      while (running.size >= CONCURRENCY) await Promise.race(running);
      const writing = write(id, content)
        .catch((error) => void (failure ??= { error }))
        .finally(() => void running.delete(writing));
      running.add(writing);
      return id;
    },
    settle,
  };
}
