/**
 * The command-line program.
 *
 * @module
 */

import { main } from "./src/cli/main.ts";
import { programName } from "./src/cli/program_name.ts";

export { main };

if (import.meta.main) Deno.exit(await main(Deno.args, programName()));
