/**
 * The keys that objects are encrypted with: each backup makes one and stores it encrypted by age for the recipients, so
 * that making backups needs their public keys only.
 *
 * @module
 */

import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { messageOf, UserError } from "../../utils/errors.ts";
import type { BlobStore } from "./blob_store.ts";

/** A key of AES-256-GCM. */
export interface DataKey {
  /** Its name: 32 hexadecimal digits. */
  readonly id: string;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
}

/** What opens encrypted backups. */
export interface Secrets {
  /** Secret keys of age (`AGE-SECRET-KEY-1…`). @default {none} */
  readonly identities?: readonly string[];
  /** The passphrase of a destination that has one. @default {none} */
  readonly passphrase?: string | undefined;
}

/** What the names of stored keys begin with. */
export const KEYS_PREFIX = "keys/";

/** Returns the name of the blob that holds a key. */
export function keyBlob(id: string): string {
  return `${KEYS_PREFIX}${id}.age`;
}

/** Whether what a blob of a key holds is what was stored: its name follows from it. */
export function isKeyWhole(key: string, stored: Uint8Array): boolean {
  return key === keyBlob(nameOf(stored));
}

/**
 * Makes a key, and the blob that holds it for the recipients.
 *
 * @throws {UserError} If a recipient is no public key of age.
 */
export async function createDataKey(
  recipients: readonly string[],
): Promise<{ readonly key: DataKey; readonly stored: Uint8Array<ArrayBuffer> }> {
  const bytes = new Uint8Array(randomBytes(32));
  const stored = new Uint8Array(await encrypterFor(recipients).encrypt(bytes));
  return { key: { id: nameOf(stored), bytes }, stored };
}

/**
 * Returns what encrypts for recipients.
 *
 * @throws {UserError} If one is no public key of age.
 */
export function encrypterFor(recipients: readonly string[]): Encrypter {
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw new UserError(
        `Cannot encrypt for "${recipient}": it is no public key of age, which begins with age1 (${
          messageOf(error)
        })`,
        { cause: error },
      );
    }
  }
  return encrypter;
}

/** Makes a pair of keys whose secret one only the passphrase opens. */
export async function createPassphraseKeys(
  passphrase: string,
): Promise<{ readonly recipient: string; readonly lockedIdentity: string }> {
  const identity = await generateX25519Identity();
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  const locked = await encrypter.encrypt(identity);
  return {
    recipient: await identityToRecipient(identity),
    lockedIdentity: Buffer.from(locked).toString("base64"),
  };
}

/** Opens stored keys, each once. */
export class DataKeys {
  readonly #store: BlobStore;
  readonly #secrets: Secrets;
  readonly #lockedIdentity: string | null;
  readonly #opened = new Map<string, Promise<DataKey>>();
  #identities: Promise<readonly string[]> | undefined;

  /** Nothing is read yet. */
  constructor(
    store: BlobStore,
    { secrets, lockedIdentity }: {
      readonly secrets: Secrets;
      readonly lockedIdentity: string | null;
    },
  ) {
    this.#store = store;
    this.#secrets = secrets;
    this.#lockedIdentity = lockedIdentity;
  }

  /** Whether there is something to open keys with. */
  get hasSecrets(): boolean {
    const { identities = [], passphrase } = this.#secrets;
    return identities.length > 0 || (passphrase !== undefined && this.#lockedIdentity !== null);
  }

  /**
   * Returns a key.
   *
   * @throws {UserError} If it is missing or damaged, or nothing that was given opens it.
   */
  open(id: string): Promise<DataKey> {
    const opened = this.#opened.get(id) ?? this.#open(id);
    this.#opened.set(id, opened);
    return opened;
  }

  async #open(id: string): Promise<DataKey> {
    const name = keyBlob(id);
    if (!this.hasSecrets) {
      const remedy = this.#lockedIdentity === null
        ? "give --identity <file> with a secret key of age"
        : "give its passphrase";
      throw new UserError(`Cannot decrypt the backups in "${this.#store.name}": ${remedy}`);
    }
    const stored = await this.#store.get(name);
    if (stored === undefined || !isKeyWhole(name, stored)) {
      const state = stored === undefined ? "is missing" : "is damaged";
      throw new UserError(`Cannot decrypt the backups in "${this.#store.name}": ${name} ${state}`);
    }
    const decrypter = new Decrypter();
    for (const identity of await this.#allIdentities()) decrypter.addIdentity(identity);
    try {
      return { id, bytes: await decrypter.decrypt(stored) };
    } catch (error) {
      throw new UserError(
        `Cannot decrypt the backups in "${this.#store.name}": the key that was given is not one of those they are for`,
        { cause: error },
      );
    }
  }

  #allIdentities(): Promise<readonly string[]> {
    return this.#identities ??= this.#unlock();
  }

  async #unlock(): Promise<readonly string[]> {
    const { identities = [], passphrase } = this.#secrets;
    if (passphrase === undefined || this.#lockedIdentity === null) return identities;
    const decrypter = new Decrypter();
    decrypter.addPassphrase(passphrase);
    try {
      const locked = new Uint8Array(Buffer.from(this.#lockedIdentity, "base64"));
      return [...identities, await decrypter.decrypt(locked, "text")];
    } catch (error) {
      throw new UserError(
        `Cannot decrypt the backups in "${this.#store.name}": the passphrase is wrong`,
        { cause: error },
      );
    }
  }
}

function nameOf(stored: Uint8Array): string {
  return createHash("sha256").update(stored).digest("hex").slice(0, 32);
}
