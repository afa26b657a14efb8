/**
 * `manifest.json` of a release: what files it has, and for which platforms there is none.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import { RELEASE_PLATFORMS, type ReleasePlatform } from "./release_platform.ts";

/** The file's name. */
export const RELEASE_MANIFEST = "manifest.json";

/** A file of a release. */
export interface ReleaseFile {
  /** Its name. */
  readonly name: string;
  /** Its size. */
  readonly sizeBytes: number;
  /** SHA-256 in hexadecimal digits. */
  readonly sha256: string;
}

/** What a release has for a platform: the archive, or why there is none. */
export type ReleaseBuild =
  & {
    /** The platform. */
    readonly platform: ReleasePlatform;
    /** How Deno calls it. */
    readonly triple: string;
  }
  & (
    | {
      /** Whether there is an executable. */
      readonly built: true;
      /** The archive. */
      readonly archive: ReleaseFile;
      /** The executable in it. */
      readonly executable: ReleaseFile;
      /** The name of the bill of materials. */
      readonly billOfMaterials: string;
    }
    | {
      /** Whether there is an executable. */
      readonly built: false;
      /** Why not. */
      readonly reason: string;
    }
  );

/** What a release consists of. */
export interface ReleaseManifest {
  /** The program. */
  readonly name: "llm-training";
  /** Its version. */
  readonly version: string;
  /** The version of Deno that it is built on. */
  readonly deno: string;
  /** Every platform. */
  readonly builds: readonly ReleaseBuild[];
  /** Every file but this one and what lists all of them. */
  readonly files: readonly ReleaseFile[];
}

/**
 * Reads what of a manifest is needed to install an executable: its version, and the archive for `platform`.
 *
 * @throws {UserError} If it is no manifest, or the release has nothing for the platform.
 */
export function parseReleaseManifest(
  json: unknown,
  { platform, source }: { readonly platform: ReleasePlatform; readonly source: string },
): { readonly version: string; readonly archive: ReleaseFile } {
  const { name, version, builds } = record(json) ?? {};
  if (name !== "llm-training" || typeof version !== "string" || !Array.isArray(builds)) {
    throw new UserError(`Cannot read "${source}": it is no manifest of an llm-training release`);
  }
  const build = builds.map(record).find((each) => each?.platform === platform);
  const archive = record(build?.archive);
  if (build?.built !== true || archive === undefined) {
    const reason = typeof build?.reason === "string" ? `: ${build.reason}` : "";
    const others = RELEASE_PLATFORMS.filter((each) =>
      builds.some((build) => record(build)?.platform === each && record(build)?.built === true)
    );
    throw new UserError(
      `Cannot install ${version}: this release has no executable for ${platform}${reason}` +
        `; it has ${others.join(", ") || "none"}`,
    );
  }
  const { name: file, sizeBytes, sha256 } = archive;
  if (
    typeof file !== "string" || !/^[\w.-]+$/.test(file) || typeof sizeBytes !== "number" ||
    typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)
  ) {
    throw new UserError(`Cannot read "${source}": what it says of ${platform} is damaged`);
  }
  return { version, archive: { name: file, sizeBytes, sha256 } };
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null
    ? value as Readonly<Record<string, unknown>>
    : undefined;
}
