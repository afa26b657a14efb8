/**
 * The settings of retention: one table for flags, help, the file of the home and its schema.
 *
 * @module
 */

import { defaultsOf, type SettingTable } from "../../utils/settings/setting.ts";

/** What the latest, the best and those of a day are counted in. */
export const RETENTION_SCOPES = ["run", "home"] as const;

/** What the latest, the best and those of a day are counted in. */
export type RetentionScope = (typeof RETENTION_SCOPES)[number];

/** Which checkpoints stay. */
export interface RetentionSettings {
  /** What the latest, the best and those of a day are counted in: each run, or the home as a whole. */
  readonly scope: RetentionScope;
  /** How many of the newest stay. */
  readonly keepLatest: number;
  /** The metrics by which the best stay: names, with `:min` or `:max` where the name does not tell. */
  readonly bestMetrics: readonly string[] | null;
  /** What is younger than this stays, in hours. */
  readonly minAgeHours: number;
  /** What is older than this goes, in hours; null has no limit. */
  readonly maxAgeHours: number | null;
  /** The oldest go while all together are larger than this, in gigabytes; null has no limit. */
  readonly maxSizeGb: number | null;
  /** The state of an optimizer that is older than this goes, in hours; null has no limit. */
  readonly stateMaxAgeHours: number | null;
  /** The oldest states of optimizers go while all together are larger than this, in gigabytes; null has no limit. */
  readonly stateMaxSizeGb: number | null;
  /** How many stay of each day. */
  readonly keepPerDay: number;
  /** For how many days, today included, `keepPerDay` holds. */
  readonly days: number;
  /** How many stay of each week. */
  readonly keepPerWeek: number;
  /** For how many weeks, this one included, `keepPerWeek` holds. */
  readonly weeks: number;
}

/** The definition of every setting. */
export const RETENTION_SETTINGS: SettingTable<RetentionSettings> = {
  scope: {
    kind: "choice",
    choices: RETENTION_SCOPES,
    default: "run",
    value: "scope",
    help:
      "what the latest, the best and those of a day or week are counted in: each run, or the home as a whole",
  },
  keepLatest: { kind: "integer", min: 1, default: 1, help: "how many of the newest stay" },
  bestMetrics: {
    kind: "names",
    default: ["eval_loss"],
    value: "metrics",
    help: "metrics by which the best stay, with :min or :max after a name that does not tell",
  },
  minAgeHours: {
    kind: "number",
    min: 0,
    default: 1,
    value: "hours",
    help: "what is younger stays",
  },
  maxAgeHours: {
    kind: "number",
    min: 0,
    default: 36,
    value: "hours",
    help: "what is older goes, unless something protects it; none has no limit",
  },
  maxSizeGb: {
    kind: "number",
    min: 0,
    default: 150,
    value: "gigabytes",
    help: "the oldest go while all checkpoints together are larger; none has no limit",
  },
  stateMaxAgeHours: {
    kind: "number",
    min: 0,
    default: null,
    otherwise: "no limit",
    value: "hours",
    help: "the state of an optimizer that is older goes, and its weights stay",
  },
  stateMaxSizeGb: {
    kind: "number",
    min: 0,
    default: null,
    otherwise: "no limit",
    value: "gigabytes",
    help: "the oldest states of optimizers go while all together are larger",
  },
  keepPerDay: { kind: "integer", min: 0, default: 0, help: "how many stay of each day (UTC)" },
  days: { kind: "integer", min: 1, default: 7, help: "for how many days that holds" },
  keepPerWeek: {
    kind: "integer",
    min: 0,
    default: 0,
    help: "how many stay of each week, which begins on Monday (UTC)",
  },
  weeks: { kind: "integer", min: 1, default: 4, help: "for how many weeks that holds" },
};

/** The settings where nothing is said. */
export const RETENTION_DEFAULTS: RetentionSettings = defaultsOf(
  RETENTION_SETTINGS,
) as RetentionSettings;
