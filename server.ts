/**
 * The server as a program, `serve` of the command line; `deno serve` listens for it and takes the same arguments:
 *
 * ```sh
 * deno serve -A --host 127.0.0.1 --port 8765 server.ts --model runs/my-run
 * ```
 *
 * @module
 */

import { createDenoServed, type DenoServed, forDenoServe } from "./src/cli/deno_serve.ts";
import { main as serveMain } from "./src/inference/server.ts";

const served: DenoServed = createDenoServed(serveMain);

/** What `deno serve` calls. */
const exported: DenoServed | undefined = forDenoServe(served);
export default exported;

const main = served.run;
if (import.meta.main) main(Deno.args).then(Deno.exit);
