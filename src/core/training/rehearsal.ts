/**
 * Tries early what a run would otherwise fail at late: saving a checkpoint.
 *
 * @module
 */

import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { formatBytes } from "../../utils/format.ts";

/** The most that is written to try it. */
const MAX_PROBE_BYTES = 2 ** 24;

/** The disk has to have room for the checkpoint that is written beside the one that it takes the place of. */
const CHECKPOINTS_AT_ONCE = 2;

/** Returns the free bytes of the disk that `folder` lies on; `undefined` where the system does not tell. */
export async function freeDiskBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/**
 * Makes sure that checkpoints of `bytes` can be saved in the folder of a run.
 *
 * @throws {UserError} If the disk has no room for two, or nothing can be written there.
 */
export async function rehearseSaving(folder: string, bytes: number): Promise<void> {
  const free = await freeDiskBytes(folder);
  if (free !== undefined && free < CHECKPOINTS_AT_ONCE * bytes) {
    throw new UserError(
      `Cannot train into "${folder}": a checkpoint takes ${formatBytes(bytes)}, and room for ` +
        `${CHECKPOINTS_AT_ONCE} is needed, but the disk has ${formatBytes(free)} left; ` +
        "free some space or choose another --output",
      { cause: Object.assign(new Error("There is no room for it"), { code: "ENOSPC" }) },
    );
  }
  const probe = join(folder, `.probe-${crypto.randomUUID()}`);
  try {
    await Deno.writeFile(probe, new Uint8Array(Math.min(bytes, MAX_PROBE_BYTES)));
  } catch (error) {
    throw fileError("write", probe, error);
  } finally {
    await Deno.remove(probe).catch(() => {});
  }
}
