/**
 * The server as a program: `serve` of the command line.
 *
 * @module
 */

import { main } from "./src/inference/server.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
