/**
 * A disk that is so small that it can be filled.
 *
 * @module
 */

import { join } from "node:path";
import { temporaryFolder } from "../../temporary_folder.ts";

/** A disk of a few megabytes. */
export interface SmallDisk extends AsyncDisposable {
  /** Its folder. */
  readonly path: string;
  /** Fills it but for `restBytes`. */
  fill(restBytes: number): Promise<void>;
  /** Frees what was filled. */
  free(): Promise<void>;
}

/** Mounts a disk of `sizeBytes`; `undefined` where that is not allowed. */
export async function mountSmallDisk(sizeBytes: number): Promise<SmallDisk | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const folder = await temporaryFolder();
  const options = ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", folder.path];
  if (!await run("mount", options)) {
    await folder[Symbol.asyncDispose]();
    return undefined;
  }
  const ballast = join(folder.path, "ballast");
  return {
    path: folder.path,
    async fill(restBytes) {
      using file = await Deno.open(ballast, { create: true, append: true });
      // page by page, so that what others write meanwhile is full at the same time
      const page = new Uint8Array(4096);
      for (;;) {
        try {
          await file.write(page);
        } catch {
          break;
        }
      }
      const { size } = await file.stat();
      await file.truncate(Math.max(0, size - restBytes));
    },
    free: () => Deno.remove(ballast),
    async [Symbol.asyncDispose]() {
      await run("umount", [folder.path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function run(program: string, args: readonly string[]): Promise<boolean> {
  try {
    const command = new Deno.Command(program, { args: [...args], stdout: "null", stderr: "null" });
    return (await command.output()).success;
  } catch {
    return false; // the program is not there
  }
}

/** Whether a small disk can be mounted here. */
export async function canMount(): Promise<boolean> {
  await using disk = await mountSmallDisk(2 ** 20);
  return disk !== undefined;
}
