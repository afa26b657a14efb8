/**
 * `upgrade`: a newer release in the place of this executable.
 *
 * @module
 */

import type { Command } from "commander";
import { UserError } from "../utils/errors.ts";
import { formatBytes } from "../utils/format.ts";
import { compareVersions } from "./compare_versions.ts";
import { createDownloadDisplay } from "./download_progress.ts";
import { interruptible } from "./interrupt.ts";
import { executablePath } from "./own_program.ts";
import { addExamples } from "./program.ts";
import { downloadExecutable, findRelease, type FoundRelease } from "./release_download.ts";
import { RELEASE_PLATFORMS, type ReleasePlatform, releasePlatform } from "./release_platform.ts";
import { embeddedBaseUrl, releaseFolders } from "./release_source.ts";
import { replaceExecutable } from "./replace_executable.ts";
import { print } from "./terminal.ts";
import { VERSION } from "./version.ts";

interface UpgradeOptions {
  readonly version?: string;
  readonly check: boolean;
  readonly baseUrl?: string;
  readonly json: boolean;
}

/** Adds `upgrade` to `program`. */
export function registerUpgrade(program: Command): void {
  const command = program.command("upgrade")
    .description(
      "Replace this executable by the newest release, or by another one. The download is held to its checksum, " +
        "and the old executable stays until the new one has started.",
    )
    .option("--version <version>", "this version, which may be an older one (default: the newest)")
    .option("--check", "only say whether there is something newer", false)
    .option(
      "--base-url <url>",
      "where the release's files lie: an address or a folder (default: where this executable came from)",
    )
    .option("--json", "print one JSON object", false)
    .action(upgrade);
  addExamples(command, [
    "llm-training upgrade --check",
    "llm-training upgrade",
    "llm-training upgrade --version 0.1.0 --base-url https://example.org/llm-training",
  ]);
}

async function upgrade(options: UpgradeOptions): Promise<void> {
  const { check, json } = options;
  const version = options.version?.replace(/^v/, "");
  const folders = releaseFolders(baseUrlOf(options.baseUrl), version);
  const platform = platformOfExecutable(check);
  const found = await interruptible((signal) =>
    findRelease(folders, { platform, version, signal })
  );
  const difference = compareVersions(found.version, VERSION);
  const wanted = difference > 0 || (version !== undefined && difference !== 0);
  if (!check && wanted) await install(found, platform);
  if (json) {
    print(JSON.stringify({
      installed: check || !wanted ? VERSION : found.version,
      available: found.version,
      upgraded: !check && wanted,
    }));
    return;
  }
  if (!wanted) print(`llm-training ${VERSION} is the newest: ${found.version} is released`);
  else if (!check) print(`llm-training ${found.version} is in the place of ${VERSION}`);
  else {
    const { sizeBytes } = found.archive;
    print(
      `llm-training ${found.version} is there (this is ${VERSION}), a download of ` +
        `${formatBytes(sizeBytes)}: llm-training upgrade${
          version === undefined ? "" : ` --version ${version}`
        }`,
    );
  }
}

async function install(found: FoundRelease, platform: ReleasePlatform): Promise<void> {
  using display = createDownloadDisplay();
  const totalBytes = found.archive.sizeBytes;
  await interruptible(async (signal) => {
    const bytes = await downloadExecutable(found, {
      platform,
      signal,
      onProgress: (haveBytes) => display.show({ kind: "progress", haveBytes, totalBytes }),
    });
    signal.throwIfAborted();
    await replaceExecutable(executablePath(), { bytes, version: found.version });
  });
}

function baseUrlOf(flag: string | undefined): string {
  const url = flag ?? Deno.env.get("LLM_TRAINING_BASE_URL") ?? embeddedBaseUrl();
  if (url) return url;
  throw new UserError(
    "Cannot upgrade: this program came from no release; give --base-url, the address or folder of one",
  );
}

/** Returns the platform of this executable; a source can be asked what there is, but not be replaced. */
function platformOfExecutable(check: boolean): ReleasePlatform {
  if (!check && !Deno.build.standalone) {
    throw new UserError(
      "Cannot upgrade: this program runs from its source, not as an executable; get the new source instead",
    );
  }
  const platform = releasePlatform();
  if (platform !== undefined) return platform;
  const { os, arch } = Deno.build;
  throw new UserError(
    `Cannot upgrade: there are no executables for ${os} ${arch}, only for ${
      RELEASE_PLATFORMS.join(", ")
    }`,
  );
}
