/**
 * What a server of the home was told to serve, which outlives it.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { fileStore, type HostStore, memoryStore } from "../inference/hosting/host_state.ts";
import { readKeys } from "../inference/keys/key_file.ts";
import { messageOf, UserError } from "../utils/errors.ts";
import { tryLockFile } from "../utils/file_lock.ts";
import type { HomePaths } from "../utils/paths.ts";
import { printError } from "./terminal.ts";

/** What remembers models and aliases, for one server at a time. */
export interface ServingMemory extends AsyncDisposable {
  /** Remembers. */
  readonly store: HostStore;
}

/** Opens the home's memory; a server without keys, where nobody may change what is served, has nothing to remember. */
export async function openServingMemory(
  { serving, keys }: HomePaths,
  { hasApiKey }: { readonly hasApiKey: boolean },
): Promise<ServingMemory> {
  const isClosed = hasApiKey || existsSync(keys);
  let keeper = "another server of this home keeps it";
  const lock = isClosed || existsSync(serving)
    ? await tryLockFile(`${serving}.lock`).catch((error) => {
      if (existsSync(serving)) throw error; // what it says would be passed over
      keeper = messageOf(error);
    })
    : undefined;
  if (lock === undefined && isClosed) {
    printError(
      `"${serving}" is not written: what admins change lasts until this server ends (${keeper})`,
    );
  }
  return {
    store: lock === undefined ? memoryStore() : fileStore(serving),
    [Symbol.asyncDispose]() {
      lock?.[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

/**
 * Refuses to serve nothing that nobody can change.
 *
 * @throws {UserError} If there is no model and no key of an admin.
 */
export async function requireSomething({ serving, keys }: HomePaths): Promise<void> {
  if (existsSync(serving) || (await readKeys(keys)).some(({ role }) => role === "admin")) return;
  throw new UserError(
    "Cannot serve without a model: give --model <model>, a folder, a run or a model on the hub (owner/name); or make " +
      "a key for who loads models later: llm-training keys create <name> --role admin",
  );
}
