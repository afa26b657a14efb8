/**
 * What `deno task release` prints at its end.
 *
 * @module
 */

import type { ReleaseManifest } from "../../src/cli/release_manifest.ts";

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Returns one line for each platform, those left out included, and one for the rest. */
export function releaseSummary({ version, builds, files }: ReleaseManifest): string {
  const lines = builds.map((build) => {
    const head = build.platform.padEnd(13);
    if (!build.built) return `${head}NOT BUILT: ${build.reason}`;
    const { archive, executable } = build;
    return `${head}${archive.name} ${megabytes(archive.sizeBytes)}, executable ${
      megabytes(executable.sizeBytes)
    }`;
  });
  const built = builds.filter(({ built }) => built).length;
  lines.push(
    `llm-training ${version}: ${built} of ${builds.length} platforms, ${files.length} files`,
  );
  return `${lines.join("\n")}\n`;
}
