/**
 * What a server remembers of the models and aliases that it was told to serve.
 *
 * @module
 */

import { dirname } from "node:path";
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import { fileError } from "../../utils/file_error.ts";
import {
  array,
  decode,
  integer,
  nullable,
  number,
  object,
  oneOf,
  readJsonFile,
  text,
} from "../../utils/json.ts";
import { WEIGHT_WISHES, type WeightWish } from "../generation/weight_types.ts";
import type { AliasRecord } from "./alias.ts";

/** A model that a server was told to load. */
export interface ModelRecord {
  /** Its name. */
  readonly name: string;
  /** Its folder. */
  readonly folder: string;
  /** Folder of an adapter that is put on it. */
  readonly adapter: string | null;
  /** The form in which its weights are held. */
  readonly weights: WeightWish;
  /** The most tokens of prompt and text together; null has the model's own. */
  readonly maxContext: number | null;
  /** SHA-256 of its files. */
  readonly contentHash: string | null;
}

/** An alias that is no more: its numbers go on if it comes again. */
export type RetiredAlias = Pick<AliasRecord, "alias" | "revision" | "epoch">;

/** What a server remembers. */
export interface HostState {
  /** Models that it was told to load. */
  readonly models: readonly ModelRecord[];
  /** Aliases. */
  readonly aliases: readonly AliasRecord[];
  /** Aliases that were removed. */
  readonly retired: readonly RetiredAlias[];
}

/** Where a server keeps what it remembers. */
export interface HostStore {
  /** Returns what was kept. */
  read(): Promise<HostState>;
  /** Keeps `state`. */
  write(state: HostState): Promise<void>;
}

/** The state of a server that was told nothing. */
export const EMPTY_STATE: HostState = { models: [], aliases: [], retired: [] };

const canary = object<NonNullable<AliasRecord["canary"]>>({
  model: text(),
  share: number({ min: 0, max: 1 }),
  maxErrors: integer({ min: 0 }),
  maxErrorRate: number({ min: 0, max: 1 }),
  maxLatencyRatio: nullable(number({ min: 0 })),
  minRequests: integer({ min: 1 }),
  stopped: nullable(text()),
});

const revision = integer({ min: 1 });
const epoch = integer({ min: 0 });

const stateFile = object({
  version: integer({ min: 1, max: 1 }),
  models: array(object<ModelRecord>({
    name: text(),
    folder: text(),
    adapter: nullable(text()),
    weights: oneOf(WEIGHT_WISHES),
    maxContext: nullable(integer({ min: 1 })),
    contentHash: nullable(text()),
  })),
  aliases: array(object<AliasRecord>({
    alias: text(),
    model: text(),
    previous: nullable(text()),
    revision,
    epoch,
    canary: nullable(canary),
  })),
  retired: array(object<RetiredAlias>({ alias: text(), revision, epoch })),
});

/** Returns a store that is a file, which appears whole. */
export function fileStore(path: string): HostStore {
  return {
    async read() {
      try {
        await Deno.stat(path);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return EMPTY_STATE;
        throw fileError("read", path, error);
      }
      const { version: _, ...state } = decode(stateFile, await readJsonFile(path), path);
      return state;
    },
    async write(state) {
      try {
        await Deno.mkdir(dirname(path), { recursive: true });
      } catch (error) {
        throw fileError("write", path, error);
      }
      await writeFileAtomic(path, `${JSON.stringify({ version: 1, ...state }, null, 2)}\n`);
    },
  };
}

/** Returns a store that lasts as long as the process. */
export function memoryStore(): HostStore {
  let kept = EMPTY_STATE;
  return {
    read: () => Promise.resolve(kept),
    write(state) {
      kept = state;
      return Promise.resolve();
    },
  };
}
