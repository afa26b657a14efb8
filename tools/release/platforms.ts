/**
 * The platforms that a release is made for, and what its files are called there.
 *
 * @module
 */

import type { ReleasePlatform } from "../../src/cli/release_platform.ts";

/** How Deno calls each platform. */
export const TRIPLES: Readonly<Record<ReleasePlatform, string>> = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "macos-arm64": "aarch64-apple-darwin",
  "macos-x64": "x86_64-apple-darwin",
  "windows-x64": "x86_64-pc-windows-msvc",
};
