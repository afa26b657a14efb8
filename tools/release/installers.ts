/**
 * Puts the installers into a release, with the place that they download from.
 *
 * @module
 */

import { join } from "node:path";
import type { ReleaseFolder } from "./release_folder.ts";

/** Each installer, and how it names the place: the line that is replaced. */
const INSTALLERS: Readonly<Record<string, (baseUrl: string) => readonly [string, string]>> = {
  "install.sh": (url) => ["default_base_url=''", `default_base_url='${url}'`],
  "install.ps1": (url) => ["$DefaultBaseUrl = ''", `$DefaultBaseUrl = '${url}'`],
};

/**
 * Adds the installers to `output`.
 *
 * @throws {RangeError} If `baseUrl` cannot stand in a script.
 */
export async function addInstallers(
  output: ReleaseFolder,
  { root, baseUrl }: { readonly root: string; readonly baseUrl: string },
): Promise<void> {
  if (baseUrl !== "" && !/^https?:\/\/[\w.:/~-]+$/.test(baseUrl)) {
    throw new RangeError(`Cannot release from "${baseUrl}": --base-url must be an http address`);
  }
  for (const [name, place] of Object.entries(INSTALLERS)) {
    const text = await Deno.readTextFile(join(root, name));
    const [from, to] = place(baseUrl.replace(/\/+$/, ""));
    if (!text.includes(from)) throw new Error(`Cannot release "${name}": it lacks ${from}`);
    await output.add(name, text.replace(from, () => to));
  }
}
