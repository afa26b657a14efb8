/**
 * The version of the program.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

/** The version, as `deno.json` has it. */
export const VERSION: string = config.version;
