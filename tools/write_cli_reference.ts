/**
 * Writes `docs/cli.md` from what `--help` says.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { commandReference } from "../src/cli/reference.ts";

const path = fileURLToPath(new URL("../docs/cli.md", import.meta.url));
await Deno.writeTextFile(path, await commandReference());
