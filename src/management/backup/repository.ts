/**
 * A place that holds backups, with what all of them have in common.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { UserError } from "../../utils/errors.ts";
import { array, decode, integer, nullable, object, parseJson, text } from "../../utils/json.ts";
import type { BlobStore } from "./blob_store.ts";
import { createPassphraseKeys, DataKeys, encrypterFor, type Secrets } from "./data_keys.ts";
import { OBJECTS_PREFIX, SNAPSHOTS_PREFIX } from "./snapshot.ts";

/** The blob by which a place is known to hold backups. */
export const REPOSITORY_BLOB = "repository.json";

/** The form of places that this version writes and reads. */
export const REPOSITORY_FORMAT = 1;

/** The most bytes of an object's content. */
const CHUNK_BYTES = 4 * 2 ** 20;

/** What all backups in a place have in common. */
export interface RepositoryConfig {
  /** See {@linkcode REPOSITORY_FORMAT}. */
  readonly format: number;
  /** Its own name, at random. */
  readonly id: string;
  /** When the first backup was made. */
  readonly created_at: string;
  /** The most bytes of an object's content. */
  readonly chunk_bytes: number;
  /** Public keys for which all is encrypted; none if nothing is. */
  readonly recipients: readonly string[];
  /** A secret key that a passphrase opens, encrypted by age, in base64; null if there is none. */
  readonly locked_identity: string | null;
}

/** An open place. */
export interface Repository {
  /** Where it lies. */
  readonly store: BlobStore;
  /** What all backups have in common. */
  readonly config: RepositoryConfig;
  /** Opens keys. */
  readonly keys: DataKeys;
}

const stored = object<RepositoryConfig & { readonly sha256: string }>({
  format: integer({ min: 1 }),
  id: text(),
  created_at: text(),
  chunk_bytes: integer({ min: 1 }),
  recipients: array(text()),
  locked_identity: nullable(text()),
  sha256: text(),
});

/**
 * Opens the place that `store` is; `undefined` if it is empty.
 *
 * @throws {UserError} If it cannot be understood.
 */
export async function openRepository(
  store: BlobStore,
  secrets: Secrets,
): Promise<Repository | undefined> {
  const bytes = await store.get(REPOSITORY_BLOB);
  if (bytes === undefined) {
    for (const prefix of [SNAPSHOTS_PREFIX, OBJECTS_PREFIX]) {
      for await (const { key } of store.list(prefix)) {
        throw new UserError(
          `Cannot use the backups in "${store.name}": ${REPOSITORY_BLOB} is missing, though there is ${key}`,
        );
      }
    }
    return undefined;
  }
  const source = `${store.name}/${REPOSITORY_BLOB}`;
  const { sha256, ...config } = decode(
    stored,
    parseJson(new TextDecoder().decode(bytes), source),
    source,
  );
  if (sha256 !== checksum(config)) {
    throw new UserError(`Cannot use "${source}": it is damaged, its checksum differs`);
  }
  if (config.format !== REPOSITORY_FORMAT) {
    throw new UserError(
      `Cannot use "${source}": it has format ${config.format}, this version reads ${REPOSITORY_FORMAT}`,
    );
  }
  const keys = new DataKeys(store, { secrets, lockedIdentity: config.locked_identity });
  return { store, config, keys };
}

/** Options of {@linkcode createRepository}. */
export interface CreateRepositoryOptions {
  /** Public keys of age. */
  readonly recipients: readonly string[];
  /** What else opens it. */
  readonly secrets: Secrets;
  /** The time. */
  readonly nowMs: number;
}

/**
 * Makes an empty place one that holds backups.
 *
 * @throws {UserError} If a recipient is no key, or it cannot be written.
 */
export async function createRepository(
  store: BlobStore,
  { recipients, secrets, nowMs }: CreateRepositoryOptions,
): Promise<Repository> {
  encrypterFor(recipients); // what is no key is refused before anything is written
  const { passphrase } = secrets;
  const own = passphrase === undefined ? undefined : await createPassphraseKeys(passphrase);
  const config: RepositoryConfig = {
    format: REPOSITORY_FORMAT,
    id: crypto.randomUUID(),
    created_at: new Date(nowMs).toISOString(),
    chunk_bytes: CHUNK_BYTES,
    recipients: own === undefined ? recipients : [...recipients, own.recipient],
    locked_identity: own?.lockedIdentity ?? null,
  };
  const json = JSON.stringify({ ...config, sha256: checksum(config) }, null, 2);
  await store.put(REPOSITORY_BLOB, new TextEncoder().encode(`${json}\n`));
  return {
    store,
    config,
    keys: new DataKeys(store, { secrets, lockedIdentity: config.locked_identity }),
  };
}

/**
 * Refuses to write where backups are encrypted otherwise than is wanted.
 *
 * @throws {UserError} If they are.
 */
export function refuseOtherRecipients(
  { store, config }: Repository,
  { recipients, secrets }: Pick<CreateRepositoryOptions, "recipients" | "secrets">,
): void {
  const { locked_identity, recipients: all } = config;
  const named = locked_identity === null ? all : all.slice(0, -1);
  const isSame = recipients.length === named.length && recipients.every((it) => named.includes(it));
  if (
    (recipients.length > 0 && !isSame) || (all.length === 0 && secrets.passphrase !== undefined)
  ) {
    const state = all.length === 0
      ? "not encrypted"
      : `encrypted for ${named.join(", ") || "a passphrase"}`;
    throw new UserError(
      `Cannot back up to "${store.name}" as is wanted: the backups there are ${state}; choose another destination`,
    );
  }
}

function checksum(config: RepositoryConfig): string {
  const values = Object.entries(config).sort(([a], [b]) => a < b ? -1 : 1);
  return createHash("sha256").update(JSON.stringify(values)).digest("hex");
}
