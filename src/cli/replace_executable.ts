/**
 * Puts a new executable in the place of one that may be running.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { removeIfThere, syncFolder, writeSynced } from "../utils/atomic_file.ts";
import { messageOf, UserError } from "../utils/errors.ts";
import { fileError } from "../utils/file_error.ts";

/** Options of {@linkcode replaceExecutable}. */
export interface ReplaceOptions {
  /** The new executable. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What it must print first when it is asked for its version. */
  readonly version: string;
}

/** What the end of the name of an executable is that was replaced while it ran. */
const OLD = ".old";

/**
 * Replaces the executable at `path`, once the new one has answered `--version`. Until then, and if it does not,
 * the old one stays as it is; at no time is there none.
 *
 * @throws {UserError} If the new one does not start here, or the folder cannot be written to.
 */
export async function replaceExecutable(path: string, options: ReplaceOptions): Promise<void> {
  const { bytes, version } = options;
  const folder = dirname(path);
  let work: string;
  try {
    work = await Deno.makeTempDir({ dir: folder, prefix: ".llm-training-upgrade-" });
  } catch (error) {
    throw fileError("write", folder, error);
  }
  try {
    const candidate = join(work, basename(path));
    await writeSynced(candidate, bytes);
    if (Deno.build.os !== "windows") await Deno.chmod(candidate, 0o755);
    await assertAnswers(candidate, version);
    await removeOld(path);
    if (Deno.build.os === "windows") {
      // A file that runs can be renamed there, but not replaced
      const old = `${path}.${crypto.randomUUID().slice(0, 8)}${OLD}`;
      await Deno.rename(path, old);
      try {
        await Deno.rename(candidate, path);
      } catch (error) {
        await Deno.rename(old, path);
        throw error;
      }
    } else {
      await Deno.rename(candidate, path);
    }
    await syncFolder(folder);
  } catch (error) {
    throw fileError("write", path, error);
  } finally {
    await removeIfThere(work);
  }
}

async function assertAnswers(path: string, version: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(path, { args: ["--version"] })
    .output().catch((error) => ({
      success: false,
      stdout: new Uint8Array(),
      stderr: new TextEncoder().encode(messageOf(error)),
    }));
  const firstWord = new TextDecoder().decode(stdout).trim().match(/\d\S*/)?.[0];
  if (success && firstWord === version) return;
  const said = new TextDecoder().decode(success ? stdout : stderr).trim().split("\n")[0];
  throw new UserError(
    `Cannot upgrade: the new executable does not answer that it is ${version}` +
      `${said === "" ? "" : `, but says "${said}"`}; the old one was kept`,
  );
}

/** Removes what earlier upgrades had to leave because it ran. */
async function removeOld(path: string): Promise<void> {
  for await (const { name } of Deno.readDir(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`) || !name.endsWith(OLD)) continue;
    await Deno.remove(join(dirname(path), name)).catch(() => {}); // it may still run
  }
}
