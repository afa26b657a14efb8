/**
 * The server as a program: `serve` of the command line, also for `deno serve`.
 *
 * @module
 */

import { denoServeExport } from "./src/cli/deno_serve.ts";
import { main } from "./src/inference/server.ts";

const served: Deno.ServeDefaultExport | undefined = import.meta.main
  ? denoServeExport()
  : undefined;

export default served;

if (import.meta.main && served === undefined) Deno.exit(await main(Deno.args));
