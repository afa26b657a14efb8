/**
 * Reads objects back.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { parseJson } from "../../utils/json.ts";
import type { Repository } from "./repository.ts";
import { openObject } from "./sealed_object.ts";
import { type NamedSnapshot, objectBlob, snapshotBlob } from "./snapshot.ts";
import { decodeTree, type TreeEntry } from "./tree.ts";

/**
 * Reads the content of an object, which is the one with this id.
 *
 * @throws {UserError} If it is missing or damaged, or nothing that was given decrypts it.
 */
export async function readObject(
  { store, keys }: Repository,
  id: string,
): Promise<Uint8Array> {
  const name = objectBlob(id);
  const stored = await store.get(name);
  if (stored === undefined) {
    throw new UserError(`Cannot use "${store.name}/${name}": it is missing`);
  }
  const opened = await openObject(stored, { id, keyOf: (key) => keys.open(key) });
  if (opened.content !== undefined) return opened.content;
  throw new UserError(`Cannot use "${store.name}/${name}": ${opened.problem}`);
}

/**
 * Reads the list of a backup's files.
 *
 * @throws {UserError} If it is missing or damaged, or nothing that was given decrypts it.
 */
export async function readTree(
  repository: Repository,
  snapshot: Pick<NamedSnapshot, "id" | "tree">,
): Promise<readonly TreeEntry[]> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (const id of snapshot.tree) parts.push(new Uint8Array(await readObject(repository, id)));
  const text = await new Blob(parts).text();
  const source = `${repository.store.name}/${snapshotBlob(snapshot.id)}`;
  return decodeTree(parseJson(text, source), source);
}
