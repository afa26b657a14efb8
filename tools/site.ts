/**
 * Makes the documentation as web pages: plain files that need no server and no network.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildSite } from "./site/build.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const { values } = parseArgs({
  args: Deno.args,
  options: { output: { type: "string", default: join(root, "dist", "site") } },
});
const folder = resolve(values.output);
const { pages } = await buildSite({ root, folder });
await Deno.stdout.write(
  new TextEncoder().encode(`${pages} pages: ${join(folder, "index.html")}\n`),
);
