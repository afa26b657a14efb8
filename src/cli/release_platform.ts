/**
 * The platforms that releases are made for, and the names of their files.
 *
 * @module
 */

/** Every platform. */
export const RELEASE_PLATFORMS = [
  "linux-x64",
  "linux-arm64",
  "macos-arm64",
  "macos-x64",
  "windows-x64",
] as const;

/** A platform that releases are made for. */
export type ReleasePlatform = (typeof RELEASE_PLATFORMS)[number];

const OS_NAMES: Partial<Record<typeof Deno.build.os, string>> = {
  linux: "linux",
  darwin: "macos",
  windows: "windows",
};

const ARCH_NAMES: Partial<Record<typeof Deno.build.arch, string>> = {
  x86_64: "x64",
  aarch64: "arm64",
};

/** Returns the platform of a machine, this one by default; `undefined` where there are no releases for it. */
export function releasePlatform(
  { os, arch }: Pick<typeof Deno.build, "os" | "arch"> = Deno.build,
): ReleasePlatform | undefined {
  const name = `${OS_NAMES[os]}-${ARCH_NAMES[arch]}`;
  return RELEASE_PLATFORMS.find((platform) => platform === name);
}

/** Returns the name of the archive for `platform`. */
export function archiveName(platform: ReleasePlatform): string {
  return `llm-training-${platform}.${platform.startsWith("windows") ? "zip" : "tar.gz"}`;
}

/** Returns the name of the executable in the archive for `platform`. */
export function executableName(platform: ReleasePlatform): string {
  return platform.startsWith("windows") ? "llm-training.exe" : "llm-training";
}
