/**
 * Which checkpoints of a run must stay, and why: a file in the run's folder, so that it moves with the run.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import {
  array,
  decode,
  nullable,
  object,
  oneOf,
  readJsonFile,
  record,
  text,
} from "../../utils/json.ts";

/** The file in a run's folder. */
export const HOLDS_FILE = "holds.json";

/** What a checkpoint can be held for: a person's wish, or what it is used for. */
export const HOLD_KINDS = ["pinned", "live", "deployed"] as const;

/** What a checkpoint can be held for. */
export type HoldKind = (typeof HOLD_KINDS)[number];

/** One reason why a checkpoint must stay. */
export interface Hold {
  /** What it is held for. */
  readonly kind: HoldKind;
  /** Since when. */
  readonly since: string;
  /** In the words of whoever wanted it. */
  readonly note: string | null;
}

/** The holds of a run, by the name of the checkpoint's folder. */
export type Holds = Readonly<Record<string, readonly Hold[]>>;

const holds = record(
  array(object<Hold>({ kind: oneOf(HOLD_KINDS), since: text(), note: nullable(text()) })),
);

/**
 * Reads the holds of a run; a run without the file has none.
 *
 * @throws {UserError} If the file cannot be read or understood: then nothing may be removed.
 */
export async function readHolds(runFolder: string): Promise<Holds> {
  const path = join(runFolder, HOLDS_FILE);
  return existsSync(path) ? decode(holds, await readJsonFile(path), path) : {};
}

/** Returns the holds of the checkpoint in `path`. */
export function holdsOf(all: Holds, path: string): readonly Hold[] {
  const name = basename(path);
  return Object.hasOwn(all, name) ? all[name]! : [];
}

/** Holds a checkpoint; one of the same kind is replaced. The caller holds the lock of the checkpoints. */
export async function addHold(
  runFolder: string,
  { checkpoint, hold }: { readonly checkpoint: string; readonly hold: Hold },
): Promise<void> {
  const all = await readHolds(runFolder);
  const others = holdsOf(all, checkpoint).filter(({ kind }) => kind !== hold.kind);
  await saveHolds(runFolder, { ...all, [basename(checkpoint)]: [...others, hold] });
}

/** Lets a checkpoint go, and returns whether it was held. The caller holds the lock of the checkpoints. */
export async function removeHold(
  runFolder: string,
  { checkpoint, kind }: { readonly checkpoint: string; readonly kind: HoldKind },
): Promise<boolean> {
  const all = await readHolds(runFolder);
  const before = holdsOf(all, checkpoint);
  const others = before.filter((hold) => hold.kind !== kind);
  if (others.length === before.length) return false;
  const { [basename(checkpoint)]: _, ...rest } = all;
  await saveHolds(
    runFolder,
    others.length === 0 ? rest : { ...rest, [basename(checkpoint)]: others },
  );
  return true;
}

async function saveHolds(runFolder: string, all: Holds): Promise<void> {
  await writeFileAtomic(join(runFolder, HOLDS_FILE), `${JSON.stringify(all, null, 2)}\n`);
}
