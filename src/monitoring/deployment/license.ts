/**
 * The licence of a model, as its card tells it.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parse } from "yaml";
import { ADAPTER_CONFIG_FILE } from "../../models/hub/files.ts";

/** What model cards call a licence that they tell in another field. */
const OTHER = "other";

/** How far up from a checkpoint the settings of its run lie. */
const RUN_CONFIG = ["..", "..", "config.json"];

/**
 * Returns the SPDX name of a model's licence, in lower case, by the first of `folders` whose card tells one; a checkpoint
 * has that of the model that it was trained from. Null if none tells.
 */
export async function readLicense(folders: readonly string[]): Promise<string | null> {
  const seen = new Set<string>();
  const waiting = [...folders];
  for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
    const folder = /\.gguf$/i.test(place) ? dirname(place) : place;
    if (seen.has(folder)) continue;
    seen.add(folder);
    const license = await cardLicense(folder);
    if (license !== undefined) return license;
    waiting.push(...await origins(folder));
  }
  return null;
}

async function cardLicense(folder: string): Promise<string | undefined> {
  const path = join(folder, "README.md");
  if (!existsSync(path)) return undefined;
  const [, front] = /^---\r?\n(.*?)\r?\n---/s.exec(await Deno.readTextFile(path)) ?? [];
  if (front === undefined) return undefined;
  try {
    const { license, license_name: name } = parse(front) ?? {};
    const told = license === OTHER && typeof name === "string" ? name : license;
    return typeof told === "string" ? told.toLowerCase() : undefined;
  } catch {
    return undefined; // a card that is no YAML tells nothing
  }
}

/** The models that the one in `folder` was made from, where they lie on this machine. */
async function origins(folder: string): Promise<readonly string[]> {
  const isCheckpoint = /^checkpoint-\d+$/.test(basename(folder));
  const places = [
    [join(folder, ADAPTER_CONFIG_FILE), "base_model_name_or_path"],
    ...(isCheckpoint ? [[join(folder, ...RUN_CONFIG), "model"]] : []),
  ] as const;
  const found: string[] = [];
  for (const [path, key] of places) {
    if (!existsSync(path!)) continue;
    try {
      const origin = JSON.parse(await Deno.readTextFile(path!))[key!];
      if (typeof origin === "string" && existsSync(join(origin, "config.json"))) found.push(origin);
    } catch {
      // a file that is damaged is told of by whoever needs it
    }
  }
  return found;
}
