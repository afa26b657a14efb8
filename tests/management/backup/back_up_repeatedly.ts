/**
 * Backs up the home given as argument over and over, with a new file each time, until it is killed.
 *
 * @module
 */

import { join } from "node:path";
import { BackupManager } from "../../../src/management/backup_manager.ts";

const home = Deno.args[0]!;
const backups = new BackupManager({ home });
for (;;) {
  const content = crypto.getRandomValues(new Uint8Array(60_000));
  await Deno.writeFile(join(home, "models", crypto.randomUUID()), content);
  await Deno.stdout.write(new TextEncoder().encode("."));
  await backups.create();
}
