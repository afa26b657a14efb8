/**
 * A home with some of all that it may hold, and its backups.
 *
 * @module
 */

import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { join } from "node:path";
import {
  BACKUP_DEFAULTS,
  BackupManager,
  type BackupManagerOptions,
  type BackupSettings,
} from "../../src/management/backup_manager.ts";
import { createRandom } from "../../src/utils/random.ts";
import { NOW_MS, writeRun } from "./home_of_runs.ts";

/** Options of {@linkcode backupsOf}. */
export interface BackupsOptions extends Partial<Omit<BackupManagerOptions, "settings">> {
  /** Settings that are not as usual. */
  readonly settings?: Partial<BackupSettings>;
}

/** Returns what makes backups of a home; each look at its clock is a second later. */
export function backupsOf(
  home: string,
  { settings = {}, ...options }: BackupsOptions = {},
): BackupManager {
  let now = NOW_MS;
  return new BackupManager({
    home,
    clock: () => now += 1000,
    settings: { ...BACKUP_DEFAULTS, ...settings },
    ...options,
  });
}

/** Writes a home with some of all that a home may hold; what is random follows from `seed`. */
export async function writeHome(home: string, seed = 1): Promise<void> {
  await writeRun(home, { name: "a", ageHours: { 5: 3, 10: 2 } });
  const random = createRandom(seed);
  const bytes = new Uint8Array(5_000_000).map(() => random.integer(256));
  await Deno.mkdir(join(home, "models", "tiny", "empty"), { recursive: true });
  await Deno.writeFile(join(home, "models", "tiny", "model.safetensors"), bytes);
  await Deno.writeTextFile(join(home, "models", "tiny", "run.sh"), "#!/bin/sh\n", { mode: 0o750 });
  await Deno.writeTextFile(join(home, "llm-training.json"), '{"model": "tiny"}');
  await Deno.writeTextFile(join(home, "empty.txt"), "");
  await Deno.symlink("tiny", join(home, "models", "link"));
  await Deno.mkdir(join(home, "daemon"));
  await Deno.writeTextFile(join(home, "daemon", "key"), "secret");
}

/** Options by which backups are encrypted, and can be read. */
export async function encrypted(): Promise<BackupsOptions> {
  const identity = await generateX25519Identity();
  const recipients = [await identityToRecipient(identity)];
  return { settings: { recipients }, secrets: { identities: [identity] } };
}

/** All of a folder: contents, permissions, times and links, by path. */
export async function stateOf(folder: string): Promise<Readonly<Record<string, unknown>>> {
  const found: Record<string, unknown> = {};
  const visit = async (path: string, prefix: string): Promise<void> => {
    for await (const { name, isDirectory, isSymlink } of Deno.readDir(path)) {
      const inner = join(path, name);
      const { mode, mtime } = await Deno.lstat(inner);
      const key = `${prefix}${name}`;
      if (/\.lock$|^backup_state|^daemon|^backups/.test(key)) continue;
      if (isSymlink) found[key] = await Deno.readLink(inner);
      else if (isDirectory) {
        found[key] = mode! & 0o777;
        await visit(inner, `${key}/`);
      } else {
        const content = new Uint8Array(await Deno.readFile(inner));
        const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
        found[key] = [hash.toHex(), mode! & 0o777, mtime!.getTime()];
      }
    }
  };
  await visit(folder, "");
  return found;
}
