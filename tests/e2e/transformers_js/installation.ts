/**
 * Where transformers.js and a browser are, for tests that run exported models in them.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

/** Names a folder in which `npm install @huggingface/transformers` was run. */
const PACKAGES_VARIABLE = "LLM_TRAINING_TRANSFORMERS_JS";

/** Names a Chromium, where none is in the path. */
const CHROMIUM_VARIABLE = "LLM_TRAINING_CHROMIUM";

const CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The folder with transformers.js, if there is one. */
export const PACKAGES: string | undefined = findPackages();

/** The path of Chromium, if there is one. */
export const CHROMIUM: string | undefined = findChromium();

/** Registers a test that needs what `needed` names; without it the test is skipped and its name says so. */
export function testWith(
  name: string,
  needed: Readonly<Record<string, string | undefined>>,
  fn: () => Promise<void>,
): void {
  const missing = Object.keys(needed).filter((key) => needed[key] === undefined);
  const skipped = missing.length === 0 ? "" : ` (skipped: no ${missing.join(", no ")})`;
  Deno.test({ name: `${name}${skipped}`, ignore: missing.length > 0, fn });
}

function findPackages(): string | undefined {
  const folder = Deno.env.get(PACKAGES_VARIABLE);
  if (folder === undefined) return undefined;
  const package_ = join(folder, "node_modules", "@huggingface", "transformers");
  if (!existsSync(package_)) throw new Error(`${PACKAGES_VARIABLE}: there is no ${package_}`);
  return folder;
}

function findChromium(): string | undefined {
  const given = Deno.env.get(CHROMIUM_VARIABLE);
  if (given !== undefined) return given;
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.flatMap((folder) => CHROMIUM_NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}
