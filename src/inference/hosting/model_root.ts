/**
 * The folder that models may be loaded from when a server is told to.
 *
 * @module
 */

import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { HostError } from "./host_error.ts";

/**
 * Returns the real path of `place`, which is relative to `root` or lies in it.
 *
 * @throws {HostError} If it does not lie there, with links followed, or is not there.
 */
export async function placeInRoot(
  place: string,
  { root, param }: { readonly root: string; readonly param: string },
): Promise<string> {
  const real = await realPath(resolve(root, place), { place, param });
  const realRoot = await realPath(root, { place: root, param });
  // what is hidden is not whole yet
  const isHidden = /(^|[/\\])\./.test(relative(realRoot, real));
  if (isBelow(real, realRoot) && !isHidden) return real;
  throw outside(place, { root, param });
}

/**
 * Returns where `folder`, a relative path that need not be there yet, lies below `root`, which is made if it is not there.
 *
 * @throws {HostError} If it would lie elsewhere, with links followed, or a part of it is hidden.
 */
export async function newPlaceInRoot(
  folder: string,
  { root, param }: { readonly root: string; readonly param: string },
): Promise<string> {
  if (!isPlainPath(folder)) throw outside(folder, { root, param });
  await Deno.mkdir(root, { recursive: true });
  const realRoot = await Deno.realPath(root);
  const path = join(root, folder);
  for (let parent = dirname(path); parent !== root; parent = dirname(parent)) {
    const real = await Deno.realPath(parent).catch(() => undefined);
    if (real === undefined) continue;
    if (!isBelow(real, realRoot)) throw outside(folder, { root, param });
    break;
  }
  return path;
}

/** Whether `path` is relative and of plain names: no `..`, nothing hidden, no drive, no backslash. */
export function isPlainPath(path: string): boolean {
  return path.split("/").every((name) => /^[\w@+=,-][\w.@+=, -]*$/.test(name) && name.length < 200);
}

/** Whether `path` lies below `folder`, both of which are absolute. */
export function isBelow(path: string, folder: string): boolean {
  const rest = relative(folder, path);
  return rest !== "" && rest !== ".." && !rest.startsWith(`..${sep}`) && !isAbsolute(rest);
}

function outside(
  place: string,
  { root, param }: { readonly root: string; readonly param: string },
): HostError {
  return new HostError(
    "outside_model_root",
    `Cannot use "${place}": models are loaded from "${root}" and folders in it alone; give a path relative to it`,
    { param },
  );
}

async function realPath(
  path: string,
  { place, param }: { readonly place: string; readonly param: string },
): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    throw new HostError(
      "no_such_folder",
      `Cannot load "${place}": there is no such folder in the model root`,
      { param, cause: error },
    );
  }
}
