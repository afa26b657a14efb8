/**
 * The settings of runs that the file in the home folder gives.
 *
 * @module
 */

import type { JsonObject } from "../utils/json.ts";
import { valuesOf } from "../utils/settings/layers.ts";
import type { HomePlace } from "./home_option.ts";
import { readHome } from "./settings_layer.ts";
import { TRAIN_SETTINGS } from "./settings_sections.ts";

/** Reads the settings of runs that the home gives. */
export async function homeRunSettings({ context }: HomePlace): Promise<JsonObject> {
  const onWarning = () => {}; // the trainer tells what is odd
  return valuesOf(await readHome({ command: "train", table: TRAIN_SETTINGS, context, onWarning }));
}
