/**
 * Where the release lies that this executable came from, and where others do.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { embeddedUrl } from "../engine/runtime/embedded_file.ts";

/** The file in an executable that says where it came from. */
export const RELEASE_SOURCE_FILE = "release.json";

/** Where a release may lie: the first that has a manifest is taken. */
export type ReleaseFolders = readonly [string, ...string[]];

/** Returns the folder on the web that an executable of a release came from, else `undefined`. */
export function embeddedBaseUrl(): string | undefined {
  const url = embeddedUrl(RELEASE_SOURCE_FILE);
  if (!Deno.build.standalone || !existsSync(url)) return undefined;
  const { baseUrl }: { readonly baseUrl?: string } = JSON.parse(readFileSync(url, "utf8"));
  return baseUrl || undefined;
}

/** What GitHub calls the newest release of a project, whose files are in the folder of this name. */
const GITHUB_LATEST = /\/releases\/latest\/download$/;

/**
 * Returns where the release `version` may lie, given the folder of the newest: where GitHub puts it, or in a folder
 * `v<version>` beside its files, or in that folder itself.
 */
export function releaseFolders(baseUrl: string, version?: string): ReleaseFolders {
  const base = baseUrl.replace(/\/+$/, "");
  if (version === undefined) return [base];
  if (GITHUB_LATEST.test(base)) {
    return [base.replace(GITHUB_LATEST, `/releases/download/v${version}`)];
  }
  return [`${base}/v${version}`, base];
}
