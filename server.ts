/**
 * The server as a program, `serve` of the command line; `deno serve` listens for it and takes the same arguments:
 *
 * ```sh
 * deno serve -A --host 127.0.0.1 --port 8765 server.ts --model runs/my-run
 * ```
 *
 * @module
 */

import { createDenoServed, type DenoServed } from "./src/cli/deno_serve.ts";
import { main as serveMain } from "./src/inference/server.ts";

/** What `deno serve` calls. */
const served: DenoServed = createDenoServed(serveMain);
export default served;

const main = served.run;
if (import.meta.main) main(Deno.args).then(Deno.exit);
