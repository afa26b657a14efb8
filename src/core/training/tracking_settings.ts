/**
 * The settings by which a run is looked at: what stays of it, samples and trackers.
 *
 * @module
 */

import { TRACKERS } from "../../monitoring/trackers/settings.ts";
import type { SettingTable } from "../../utils/settings/setting.ts";
import type { TrainingConfig } from "./config.ts";

/** Settings by which a run is looked at. */
export type TrackingSettings = Pick<
  TrainingConfig,
  "saveBest" | "samplePrompts" | "sampleSteps" | "trackers" | "trackerProject" | "trackerRunName"
>;

/** The definition of each of them. */
export const TRACKING_SETTINGS: SettingTable<TrackingSettings> = {
  saveBest: {
    kind: "boolean",
    off: "do not keep the checkpoint with the lowest loss of evaluations beside the newest",
    default: true,
    help: "keep the checkpoint with the lowest loss of evaluations beside the newest",
  },
  samplePrompts: {
    kind: "texts",
    default: [],
    otherwise: "none",
    flag: "sample-prompt",
    value: "text",
    help:
      "text that the model continues before, during and after the run, to be looked at; may be repeated",
  },
  sampleSteps: {
    kind: "integer",
    min: 1,
    default: null,
    otherwise: "at the beginning and the end",
    value: "steps",
    help: "steps between samples",
  },
  trackers: {
    kind: "texts",
    default: [],
    otherwise: "none",
    flag: "tracker",
    value: "name",
    help: `show the run besides: ${
      TRACKERS.join(", ")
    }, or <name>=<folder or address>; may be repeated`,
  },
  trackerProject: {
    kind: "text",
    default: null,
    otherwise: "of the environment, or llm-training",
    value: "name",
    help: "experiment of mlflow, project of wandb",
  },
  trackerRunName: {
    kind: "text",
    default: null,
    otherwise: "of the environment, or the name of its folder",
    value: "name",
    help: "what trackers call the run",
  },
};
