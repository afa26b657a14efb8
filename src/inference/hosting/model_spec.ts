/**
 * What a server is told to load, and where that lies.
 *
 * @module
 */

import { isAdapterFolder } from "../../models/adapters/folder.ts";
import type { WeightWish } from "../generation/weight_types.ts";
import type { LoadRequest } from "../worker_protocol.ts";
import { HostError } from "./host_error.ts";
import type { ModelRecord } from "./host_state.ts";
import { isBelow, placeInRoot } from "./model_root.ts";

/** How models are loaded that say nothing else. */
export type LoadDefaults = Pick<LoadRequest, "device" | "threads" | "weights" | "limits">;

/** A model to load. */
export interface ModelSpec {
  /** Its name. */
  readonly name: string;
  /** Its folder. */
  readonly folder: string;
  /** Folder of an adapter to put on it. @default {none} */
  readonly adapter?: string | undefined;
  /** The form in which its weights are held. @default {as for other models} */
  readonly weights?: WeightWish | undefined;
  /** The most tokens of prompt and text together. @default {the model's own} */
  readonly maxContext?: number | undefined;
  /** The SHA-256 that its files must have. @default {any} */
  readonly contentHash?: string | undefined;
}

/** What names of models and aliases may be. */
export const HOST_NAME = /^[A-Za-z0-9][\w.:@/+-]{0,199}$/;

/**
 * Refuses what cannot be the name of a model or an alias.
 *
 * @throws {HostError} If it cannot.
 */
export function checkName(name: string, param: string): void {
  if (HOST_NAME.test(name)) return;
  throw new HostError(
    "invalid_name",
    `Cannot use the name "${name}": it must begin with a letter or a digit, go on with these and . _ - : @ / + ` +
      "and have 200 characters at most",
    { param },
  );
}

/** Returns how a model is loaded. */
export function loadOf(
  { name, folder, adapter, weights, maxContext, contentHash }: ModelSpec | ModelRecord,
  defaults: LoadDefaults,
): LoadRequest {
  return {
    ...defaults,
    id: name,
    folder,
    ...(adapter === undefined || adapter === null ? {} : { adapter }),
    ...(weights === undefined ? {} : { weights }),
    limits: {
      ...defaults.limits,
      ...(maxContext === undefined || maxContext === null ? {} : { maxContext }),
    },
    ...(contentHash === undefined || contentHash === null ? {} : { contentHash }),
  };
}

/** Returns what is remembered of a model that was loaded. */
export function recordOf(load: LoadRequest, contentHash: string | null): ModelRecord {
  return {
    name: load.id!,
    folder: load.folder,
    adapter: load.adapter ?? null,
    weights: load.weights ?? "f32",
    maxContext: load.limits.maxContext ?? null,
    contentHash,
  };
}

/**
 * Returns `spec` with its folders found in the model root.
 *
 * @throws {HostError} If they do not lie there, or the model is an adapter, which would bring a model from elsewhere.
 */
export async function placedSpec(spec: ModelSpec, root: string): Promise<ModelSpec> {
  const folder = await placeInRoot(spec.folder, { root, param: "folder" });
  if (isAdapterFolder(folder)) {
    throw new HostError(
      "load_failed",
      `Cannot load "${spec.folder}": it is an adapter; give its model as "folder" and it as "adapter"`,
      { param: "folder" },
    );
  }
  if (spec.adapter === undefined) return { ...spec, folder };
  return { ...spec, folder, adapter: await placeInRoot(spec.adapter, { root, param: "adapter" }) };
}

/**
 * Returns the folders of a model that no other model uses.
 *
 * @throws {HostError} If they lie outside of the model root.
 */
export async function ownFolders(
  load: LoadRequest,
  { others, root }: { readonly others: readonly LoadRequest[]; readonly root: string },
): Promise<readonly string[]> {
  const places = await Promise.all(
    foldersOf(load).map((folder) => placeInRoot(folder, { root, param: "files" })),
  );
  const used = others.flatMap(foldersOf);
  const overlaps = (a: string, b: string) => a === b || isBelow(a, b) || isBelow(b, a);
  return places.filter((place) => !used.some((other) => overlaps(place, other)));
}

/** Returns the error of a model that has another content than it should. */
export function hashMismatch(folder: string, hash: string): HostError {
  return new HostError(
    "content_hash_mismatch",
    `Cannot load "${folder}": the SHA-256 of its content is ${hash}, another one was asked for`,
    { param: "content_hash" },
  );
}

function foldersOf({ folder, adapter }: LoadRequest): readonly string[] {
  return adapter === undefined ? [folder] : [folder, adapter];
}
