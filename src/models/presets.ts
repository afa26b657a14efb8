/**
 * Models to train from scratch, by name: the files of `configs/`.
 *
 * @module
 */

import demo from "../../configs/demo.json" with { type: "json" };
import oneMillion from "../../configs/1m.json" with { type: "json" };
import fiveMillion from "../../configs/5m.json" with { type: "json" };
import fifteenMillion from "../../configs/15m.json" with { type: "json" };
import thirtyMillion from "../../configs/30m.json" with { type: "json" };

/** A model that is not trained yet. */
export interface Preset {
  /** What `--model` calls it. */
  readonly name: string;
  /** What it is good for. */
  readonly description: string;
  /** Its `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Every preset by name, the smallest first. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  demo: { name: "demo", ...demo },
  "1m": { name: "1m", ...oneMillion },
  "5m": { name: "5m", ...fiveMillion },
  "15m": { name: "15m", ...fifteenMillion },
  "30m": { name: "30m", ...thirtyMillion },
};

/** Returns the preset called `name`, `undefined` if there is none. */
export function findPreset(name: string): Preset | undefined {
  return Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
}
