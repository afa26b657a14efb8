/**
 * The command-line program.
 *
 * @example The program as a function
 * ```ts
 * import { main } from "@llm-training/llm-training/cli";
 *
 * if (await main(["--version"]) !== 0) throw new Error("it says its version");
 * ```
 *
 * @module
 */

import { main } from "./src/cli/main.ts";
import { programName } from "./src/cli/program_name.ts";

export { main };

if (import.meta.main) Deno.exit(await main(Deno.args, programName()));
