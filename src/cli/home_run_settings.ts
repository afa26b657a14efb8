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

/** Options of {@linkcode homeRunSettings}. */
export interface HomeRunSettingsOptions {
  /** Told of what is odd. @default {nobody} */
  readonly onWarning?: (message: string) => void;
}

/** Reads the settings of runs that the home gives. */
export async function homeRunSettings(
  { context }: HomePlace,
  { onWarning = () => {} }: HomeRunSettingsOptions = {},
): Promise<JsonObject> {
  return valuesOf(await readHome({ command: "train", table: TRAIN_SETTINGS, context, onWarning }));
}
