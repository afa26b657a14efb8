/**
 * Writes `dist/cli.js` and `dist/server.js`, which run from any web server: `deno run -A http://host/cli.js`.
 *
 * A module that comes from elsewhere sees no import map, so what is imported by name is named in full, with the
 * version that `deno.lock` has. Workers lie beside as bundles of their own; all of it is one flat folder, as the
 * files of a release are.
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundleWeb } from "./web/bundle.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const { values } = parseArgs({
  args: Deno.args,
  options: { output: { type: "string", default: join(root, "dist") } },
});
const files = await bundleWeb({ root, folder: resolve(values.output) });
for (const path of files) {
  const { size } = await Deno.stat(path);
  await Deno.stdout.write(
    new TextEncoder().encode(`${basename(path)}: ${(size / 1e6).toFixed(1)} MB\n`),
  );
}
