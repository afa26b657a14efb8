/**
 * Settings of one file: `name.json` (or `.yaml`) beside `name.jsonl`.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { PRIORITIES, type Priority } from "../../management/job_queue/job.ts";
import { anyObject, decode, type JsonObject, readJsonFile } from "../../utils/json.ts";
import { decodeSettings } from "../../utils/settings/decode_settings.ts";
import { valuesOf } from "../../utils/settings/layers.ts";
import { type AnySettings, anySettings } from "../../utils/settings/setting.ts";
import { readSettingsFile } from "../../utils/settings/settings_file.ts";
import { TRAINING_SETTINGS } from "../training/settings.ts";
import { TRAINING_POLICIES, type TrainingPolicy } from "./settings.ts";

/** What a side-car says. */
export interface Sidecar {
  /** Settings of the run. */
  readonly settings: JsonObject;
  /** How urgent it is. */
  readonly priority: Priority | undefined;
  /** What it trains on from. */
  readonly policy: TrainingPolicy | undefined;
  /** Where the data came from: generator, version, parameters. */
  readonly lineage: JsonObject | undefined;
}

/** The side-car of a file without one. */
export const NO_SIDECAR: Sidecar = {
  settings: {},
  priority: undefined,
  policy: undefined,
  lineage: undefined,
};

/** Keys of a side-car besides the settings of a run. */
const OWN_KEYS: AnySettings = {
  priority: { kind: "choice", choices: PRIORITIES, default: "normal", help: "how urgent it is" },
  policy: {
    kind: "choice",
    choices: TRAINING_POLICIES,
    default: null,
    help: "what it trains on from",
  },
  lineage: {
    kind: "custom",
    decode: anyObject(),
    parse: (text) => JSON.parse(text),
    schema: { type: "object" },
    default: null,
    help: "where the data came from",
  },
};

const { dataset: _, ...RUN_SETTINGS } = anySettings(TRAINING_SETTINGS);

/** What a side-car may hold. */
const SIDECAR_SETTINGS: AnySettings = { ...RUN_SETTINGS, ...OWN_KEYS };

const ENDINGS = [".json", ".yaml", ".yml"];

/** Returns the side-car of a data file; `undefined` if it has none. */
export function sidecarPath(path: string): string | undefined {
  const base = path.replace(/\.(?:gz|zst)$/i, "").replace(/\.[^./\\]*$/, "");
  return ENDINGS.map((ending) => `${base}${ending}`).find((each) => existsSync(each));
}

/**
 * Returns the file that says where a data file came from, as the Python platform writes it: `name.jsonl.meta.json`;
 * `undefined` if there is none.
 */
export function originPath(path: string): string | undefined {
  const origin = `${path}.meta.json`;
  return existsSync(origin) ? origin : undefined;
}

/**
 * Reads what is said of a data file beside it.
 *
 * @throws {UserError} If a key is unknown or a value impossible; the message names the line.
 */
export async function readBeside(path: string): Promise<Sidecar> {
  const sidecar = sidecarPath(path);
  const origin = originPath(path);
  const said = sidecar === undefined ? NO_SIDECAR : await readSidecar(sidecar);
  if (origin === undefined || said.lineage !== undefined) return said;
  return { ...said, lineage: decode(anyObject(), await readJsonFile(origin), origin) };
}

/**
 * Reads the side-car `path`.
 *
 * @throws {UserError} If a key is unknown or a value impossible; the message names the line.
 */
export async function readSidecar(path: string): Promise<Sidecar> {
  const { entries } = await readSettingsFile(path);
  const given = decodeSettings(entries, { table: SIDECAR_SETTINGS, origin: "config", path });
  const { priority, policy, lineage, ...settings } = valuesOf(given);
  return {
    settings,
    priority: priority as Priority | undefined,
    policy: (policy ?? undefined) as TrainingPolicy | undefined,
    lineage: (lineage ?? undefined) as JsonObject | undefined,
  };
}
