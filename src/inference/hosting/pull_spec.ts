/**
 * What a server is told to fetch.
 *
 * @module
 */

import { HostError } from "./host_error.ts";
import { isPlainPath } from "./model_root.ts";

/** A file to fetch. */
export interface PullFile {
  /** Its path in the folder. */
  readonly path: string;
  /** Where it is fetched from, by http or https. */
  readonly url: string;
  /** SHA-256 of its content. */
  readonly sha256: string;
  /** Its length. */
  readonly bytes: number;
}

/** A folder to fetch. */
export interface PullSpec {
  /** Its path below the model root. */
  readonly folder: string;
  /** All of its files. */
  readonly files: readonly PullFile[];
}

/**
 * Refuses what would not become a folder below the model root.
 *
 * @throws {HostError} If a path leads elsewhere or is there twice, or an address is none of the web's.
 */
export function checkPull({ folder, files }: PullSpec): void {
  if (!isPlainPath(folder)) throw badPath(folder, "folder");
  // some file systems know no capitals
  const paths = files.map(({ path }) => path.toLowerCase());
  const all = new Set(paths);
  for (const [i, { path, url }] of files.entries()) {
    const lower = path.toLowerCase();
    if (!isPlainPath(path)) throw badPath(path, `files[${i}].path`);
    if (paths.indexOf(lower) !== i || parentsOf(lower).some((parent) => all.has(parent))) {
      throw new HostError("invalid_path", `Cannot fetch "${path}": another file is in its place`, {
        param: `files[${i}].path`,
      });
    }
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
      throw new HostError(
        "invalid_url",
        `Cannot fetch "${path}": its address must begin with http:// or https://`,
        { param: `files[${i}].url` },
      );
    }
  }
}

/** Returns the folders that a path leads through. */
function parentsOf(path: string): readonly string[] {
  const steps = path.split("/");
  return steps.slice(1).map((_, i) => steps.slice(0, i + 1).join("/"));
}

function badPath(path: string, param: string): HostError {
  return new HostError(
    "invalid_path",
    `Cannot fetch "${path}": paths are relative, with names that begin with a letter or a digit`,
    { param },
  );
}
