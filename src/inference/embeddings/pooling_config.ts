/**
 * What a model's folder says about pooling, in the files that sentence-transformers writes.
 *
 * @module
 */

import { join } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { readOptionalObject } from "./folder_json.ts";
import type { Pooling } from "../generation/pooling.ts";

/** The file, in the folder of the module that pools. */
const POOLING_FILE = join("1_Pooling", "config.json");

/** Its keys by what they stand for. */
const POOLING_KEYS: Readonly<Record<Pooling, string>> = {
  last: "pooling_mode_lasttoken",
  mean: "pooling_mode_mean_tokens",
  cls: "pooling_mode_cls_token",
};

/**
 * Returns the pooling that the model in `folder` was trained with, if its folder says so.
 *
 * @throws {UserError} If it was trained with one that is not known here.
 */
export async function readPooling(folder: string): Promise<Pooling | undefined> {
  const config = await readOptionalObject(join(folder, POOLING_FILE));
  if (config === undefined) return undefined;
  const modes = Object.keys(config).filter((key) =>
    key.startsWith("pooling_mode_") && config[key] === true
  );
  const known = (Object.keys(POOLING_KEYS) as Pooling[]).find((pooling) =>
    modes.length === 1 && modes[0] === POOLING_KEYS[pooling]
  );
  if (known !== undefined || modes.length === 0) return known;
  throw new UserError(
    `Cannot pool as "${join(folder, POOLING_FILE)}" has it, by ${modes.join(" and ")}: ` +
      `choose --pooling last, mean or cls`,
  );
}
