/**
 * Opening a saved training state, once every file of it has been found whole.
 *
 * @module
 */

import { join } from "node:path";
import { openSafetensors, type SafetensorsFile } from "../../engine/tensor/safetensors.ts";
import { UserError } from "../../utils/errors.ts";
import { readJsonFile } from "../../utils/json.ts";
import {
  type Adapter,
  ADAPTER_CONFIG_FILE,
  ADAPTER_WEIGHTS_FILE,
  openAdapter,
} from "../adapters/folder.ts";
import { CONFIG_FILE, WEIGHTS_FILE } from "../hub/files.ts";
import { type ModelFolder, openModelFolder } from "../hub/folder.ts";
import { listCheckpoints } from "./list.ts";
import { MANIFEST_FILE, OPTIMIZER_FILE, verifyManifest } from "./manifest.ts";
import { TRAINER_STATE_FILE } from "./save.ts";
import { parseTrainerState, type TrainerState } from "./trainer_state.ts";

/** An open checkpoint. */
export interface Checkpoint extends Disposable {
  /** Its folder. */
  readonly path: string;
  /** Where the run stood. */
  readonly trainer: TrainerState;
  /** The model, where all of it was trained; it is closed with the checkpoint. */
  readonly model: ModelFolder | undefined;
  /** The adapter, where one was trained; it is closed with the checkpoint. */
  readonly adapter: Adapter | undefined;
  /** Tensors of the optimizer; closed with the checkpoint. `undefined` if they were dropped to save space. */
  readonly optimizer: SafetensorsFile | undefined;
  /** Closes its files; `using` does so too. */
  close(): void;
}

/**
 * Opens the checkpoint in `path`.
 *
 * @throws {UserError} If a file is missing or damaged; the message names it.
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const { files, dropped = [] } = await verifyManifest(path);
  const isAdapter = Object.hasOwn(files, ADAPTER_CONFIG_FILE);
  const trained = isAdapter ? [ADAPTER_WEIGHTS_FILE] : [CONFIG_FILE, WEIGHTS_FILE];
  const isDropped = dropped.includes(OPTIMIZER_FILE);
  for (const name of [...trained, ...isDropped ? [] : [OPTIMIZER_FILE], TRAINER_STATE_FILE]) {
    if (!Object.hasOwn(files, name)) {
      throw new UserError(
        `Cannot use checkpoint "${path}": ${MANIFEST_FILE} does not list ${name}`,
      );
    }
  }
  const statePath = join(path, TRAINER_STATE_FILE);
  const trainer = parseTrainerState(await readJsonFile(statePath), statePath);
  using opened = new DisposableStack();
  const model = isAdapter ? undefined : opened.use(await openModelFolder(path));
  const adapter = isAdapter ? opened.use(await openAdapter(path)) : undefined;
  const optimizer = isDropped
    ? undefined
    : opened.use(await openSafetensors(join(path, OPTIMIZER_FILE)));
  const kept = opened.move();
  const close = () => kept.dispose();
  return { path, trainer, model, adapter, optimizer, close, [Symbol.dispose]: close };
}

/** Options of {@linkcode latestCheckpoint}. */
export interface LatestCheckpointOptions {
  /** Told of each damaged checkpoint that is passed over. @default {nothing is told} */
  readonly onDamaged?: (error: UserError) => void;
}

/** Opens the newest checkpoint of a run that is whole; `undefined` if there is none. */
export async function latestCheckpoint(
  runFolder: string,
  { onDamaged }: LatestCheckpointOptions = {},
): Promise<Checkpoint | undefined> {
  for (const { path } of (await listCheckpoints(runFolder)).reverse()) {
    try {
      return await openCheckpoint(path);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      onDamaged?.(error);
    }
  }
  return undefined;
}
