/**
 * Which models on this machine deployments still need: those that are under way, live, or gone back to.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { systemClock } from "../../utils/clock.ts";
import { DeploymentStore } from "./store.ts";

/** A folder that must stay. */
export interface DeployedFolder {
  /** Absolute path. */
  readonly path: string;
  /** Why. */
  readonly words: string;
}

/** Models that were live one after the other and that stay: the live one and the one before. */
const KEPT = 2;

/**
 * Returns the folders that deployments need, by the database `path`; none if there is no such file.
 *
 * @throws {UserError} If the database cannot be read: then nothing may be removed.
 */
export function deployedFolders(path: string): readonly DeployedFolder[] {
  if (!existsSync(path)) return [];
  using store = new DeploymentStore(path, { clock: systemClock });
  const unfinished = store.unfinished();
  const live = new Map(
    store.list({ limit: 1000, states: ["done"] }).map(({ model }) => [model.contentHash, model]),
  );
  const needed = [
    ...(unfinished === undefined ? [] : [unfinished.model]),
    ...[...live.values()].slice(0, KEPT),
  ];
  return needed.flatMap(({ name, folder, adapter }) =>
    [folder, adapter].filter((place) => place !== null && place !== "")
      .map((place) => ({ path: place!, words: `deployed as "${name}"` }))
  );
}
