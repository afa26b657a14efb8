/**
 * Reads backups and tells what is missing or damaged.
 *
 * @module
 */

import { messageOf, UserError } from "../../utils/errors.ts";
import { isKeyWhole, KEYS_PREFIX } from "./data_keys.ts";
import { readTree } from "./read_tree.ts";
import type { Repository } from "./repository.ts";
import { checkSealed, isSealedByKey, openObject } from "./sealed_object.ts";
import { type NamedSnapshot, objectBlob, OBJECTS_PREFIX, readSnapshots } from "./snapshot.ts";

/** Options of {@linkcode verifyBackups}. */
export interface VerifyOptions {
  /** Names of the backups. @default {all} */
  readonly ids?: readonly string[] | undefined;
  /** Only looks whether all is there in its size, and reads no content. @default {false} */
  readonly quick?: boolean;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** Something that is wrong. */
export interface BackupProblem {
  /** The blob. */
  readonly blob: string;
  /** What is wrong with it. */
  readonly problem: string;
  /** Names of the backups that it takes part in. */
  readonly snapshots: readonly string[];
  /** The files that it takes part in, as far as they are known. */
  readonly files: readonly string[];
}

/** What verifying found. */
export interface BackupReport {
  /** Names of the backups that were read. */
  readonly snapshots: readonly string[];
  /** How many objects were read. */
  readonly objects: number;
  /** Their size as they are stored. */
  readonly bytes: number;
  /** Objects whose content could not be compared, as nothing that was given decrypts it; their checksums were. */
  readonly sealed: number;
  /** What is wrong; nothing is if this is empty. */
  readonly problems: readonly BackupProblem[];
}

/** How many objects are read at a time. */
const CONCURRENCY = 4;

/** Reads backups and every object that they take. */
export async function verifyBackups(
  repository: Repository,
  options: VerifyOptions = {},
): Promise<BackupReport> {
  const { ids, quick = false, signal } = options;
  const { store, keys } = repository;
  const all = await readSnapshots(store);
  const isMeant = ({ id }: { readonly id: string }) => ids === undefined || ids.includes(id);
  const whole = all.whole.filter(isMeant);
  const broken = all.broken.filter(isMeant);
  const unknown = ids?.find((id) => ![...whole, ...broken].some((each) => each.id === id));
  if (unknown !== undefined) {
    throw new UserError(`Cannot verify backup "${unknown}": "${store.name}" has none of that name`);
  }
  const problems: Omit<BackupProblem, "files">[] = broken.map(({ id, problem }) => ({
    blob: `snapshots/${id}.json`,
    problem,
    snapshots: [id],
  }));
  for await (const { key } of store.list(KEYS_PREFIX)) {
    const stored = await store.get(key);
    if (stored === undefined || isKeyWhole(key, stored)) continue;
    problems.push({ blob: key, problem: "it is damaged: its checksum differs", snapshots: [] });
  }
  const sizes = new Map<string, number>();
  for await (const { key, sizeBytes } of store.list(OBJECTS_PREFIX)) sizes.set(key, sizeBytes);
  const users = usersOf(whole);
  let bytes = 0;
  let sealed = 0;
  const check = async (id: string): Promise<void> => {
    const blob = objectBlob(id);
    const { snapshots, sizesBytes } = users.get(id)!;
    const tell = (problem: string) => void problems.push({ blob, problem, snapshots });
    const found = sizes.get(blob);
    if (found === undefined) return tell("it is missing");
    bytes += found;
    if (quick) {
      if (!sizesBytes.includes(found)) tell(`it has ${found} bytes instead of ${sizesBytes[0]}`);
      return;
    }
    const stored = await store.get(blob);
    if (stored === undefined) return tell("it is missing");
    const problem = checkSealed(stored);
    if (problem !== undefined) return tell(problem);
    if (isSealedByKey(stored) && !keys.hasSecrets) return void sealed++;
    try {
      const opened = await openObject(stored, { id, keyOf: (key) => keys.open(key) });
      if (opened.problem !== undefined) tell(opened.problem);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      tell(messageOf(error)); // its key is missing
    }
  };
  const waiting = [...users.keys()].values();
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    for (const id of waiting) {
      signal?.throwIfAborted();
      await check(id);
    }
  }));
  const files = problems.length === 0 ? new Map() : await filesOf(repository, whole);
  return {
    snapshots: [...whole, ...broken].map(({ id }) => id),
    objects: users.size,
    bytes,
    sealed,
    problems: problems
      .map((each) => ({ ...each, files: files.get(each.blob) ?? [] }))
      .sort((a, b) => a.blob < b.blob ? -1 : 1),
  };
}

interface ObjectUsers {
  readonly snapshots: readonly string[];
  /** One that was written anew, compressed harder, has another than an older backup tells. */
  readonly sizesBytes: readonly number[];
}

function usersOf(snapshots: readonly NamedSnapshot[]): ReadonlyMap<string, ObjectUsers> {
  const users = new Map<string, ObjectUsers>();
  for (const { id, objects } of snapshots) {
    for (const [object, sizeBytes] of Object.entries(objects)) {
      const known = users.get(object);
      users.set(object, {
        snapshots: [...known?.snapshots ?? [], id],
        sizesBytes: [...known?.sizesBytes ?? [], sizeBytes],
      });
    }
  }
  return users;
}

/** The paths of files by the blobs that they take, as far as lists of files can be read. */
async function filesOf(
  repository: Repository,
  snapshots: readonly NamedSnapshot[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = new Map<string, Set<string>>();
  for (const snapshot of snapshots) {
    try {
      for (const entry of await readTree(repository, snapshot)) {
        if (entry.kind !== "file") continue;
        for (const id of entry.chunks) {
          const blob = objectBlob(id);
          files.set(blob, (files.get(blob) ?? new Set()).add(entry.path));
        }
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  return new Map([...files].map(([blob, paths]) => [blob, [...paths].sort()]));
}
