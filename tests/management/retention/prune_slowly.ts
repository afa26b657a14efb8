/**
 * Prunes the home given as argument and tells of each step, so that it can be killed between any two.
 *
 * @module
 */

import { join } from "node:path";
import { RetentionManager } from "../../../src/management/retention_manager.ts";
import { RETENTION_FILES } from "../../../src/management/retention/apply.ts";
import { NOW_MS } from "../home_of_runs.ts";

const tell = () => Deno.stdout.write(new TextEncoder().encode("."));

const manager = new RetentionManager({
  home: Deno.args[0]!,
  clock: () => NOW_MS,
  files: {
    ...RETENTION_FILES,
    async condemn(path) {
      const condemned = await RETENTION_FILES.condemn(path);
      await tell();
      return condemned;
    },
    async remove(path) {
      for await (const { name } of Deno.readDir(path)) {
        await Deno.remove(join(path, name));
        await tell();
      }
      await RETENTION_FILES.remove(path);
      await tell();
    },
  },
});
await manager.prune();
