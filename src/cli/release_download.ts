/**
 * Reads releases from the web, or from a folder on disk.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readTarGz } from "../utils/archive/tar.ts";
import { readZip } from "../utils/archive/zip.ts";
import { messageOf, UserError } from "../utils/errors.ts";
import { parseReleaseManifest, RELEASE_MANIFEST, type ReleaseFile } from "./release_manifest.ts";
import { executableName, type ReleasePlatform } from "./release_platform.ts";
import type { ReleaseFolders } from "./release_source.ts";

/** A release that was found. */
export interface FoundRelease {
  /** Its version. */
  readonly version: string;
  /** The folder of its files. */
  readonly folder: string;
  /** The archive for the platform that was asked for. */
  readonly archive: ReleaseFile;
}

/** Options of {@linkcode findRelease}. */
export interface FindOptions {
  /** The platform. */
  readonly platform: ReleasePlatform;
  /** The version that it must be. @default {any} */
  readonly version?: string | undefined;
  /** Ends the search. */
  readonly signal?: AbortSignal;
}

/**
 * Finds the release in the first of `folders` that has one.
 *
 * @throws {UserError} If there is none, or another version, or nothing in it for the platform.
 */
export async function findRelease(
  folders: ReleaseFolders,
  { platform, version, signal }: FindOptions,
): Promise<FoundRelease> {
  let problem: unknown;
  for (const folder of folders) {
    const source = address(folder, RELEASE_MANIFEST);
    let bytes: Uint8Array;
    try {
      bytes = await new Response(await open(source, signal)).bytes();
    } catch (error) {
      signal?.throwIfAborted();
      problem ??= error;
      continue;
    }
    const found = parseReleaseManifest(parseJson(bytes, source), { platform, source });
    if (version !== undefined && found.version !== version) {
      throw new UserError(
        `Cannot find version ${version} at ${folder}: its release is ${found.version}; ` +
          "choose that, or another --base-url",
      );
    }
    return { ...found, folder };
  }
  throw new UserError(
    `Cannot read the release at ${folders[0]}: ${networkReason(problem)}; ` +
      `look at ${version === undefined ? "" : "--version, "}--base-url and the network`,
    { cause: problem },
  );
}

/** Options of {@linkcode downloadExecutable}. */
export interface DownloadExecutableOptions {
  /** The platform. */
  readonly platform: ReleasePlatform;
  /** Called with the bytes that have come. @default {nothing is called} */
  readonly onProgress?: (haveBytes: number) => void;
  /** Ends the download. */
  readonly signal?: AbortSignal;
}

/**
 * Downloads the archive of a release, verifies its checksum and returns the executable in it.
 *
 * @throws {UserError} If it cannot be had whole and right.
 */
export async function downloadExecutable(
  { folder, archive }: FoundRelease,
  { platform, onProgress, signal }: DownloadExecutableOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const source = address(folder, archive.name);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const hash = createHash("sha256");
  let haveBytes = 0;
  try {
    for await (const chunk of await open(source, signal)) {
      chunks.push(chunk);
      hash.update(chunk);
      haveBytes += chunk.length;
      onProgress?.(haveBytes);
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw new UserError(
      `Cannot download ${source}: ${networkReason(cause)}; nothing was changed, try again`,
      { cause },
    );
  }
  const found = hash.digest("hex");
  if (found !== archive.sha256) {
    throw new UserError(
      `Cannot use ${source}: it was damaged on its way (SHA-256 ${found}, expected ` +
        `${archive.sha256}); nothing was changed, try again`,
    );
  }
  const read = archive.name.endsWith(".zip") ? readZip : readTarGz;
  const entries = await read(await new Blob(chunks).bytes());
  const executable = entries.find(({ name }) => name === executableName(platform));
  if (executable === undefined) {
    throw new UserError(`Cannot use ${source}: there is no ${executableName(platform)} in it`);
  }
  return executable.bytes;
}

/** Says why `fetch` failed: "fetch failed" is all that its own message may have. */
export function networkReason(error: unknown): string {
  const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return messageOf(reason).replace(/^error sending request for url \(.*?\): /, "");
}

function address(folder: string, name: string): string {
  if (/^https?:\/\//.test(folder)) return `${folder}/${name}`;
  return join(folder.startsWith("file:") ? fileURLToPath(folder) : folder, name);
}

async function open(
  source: string,
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  if (!/^https?:\/\//.test(source)) return (await Deno.open(source)).readable;
  const response = await fetch(source, signal === undefined ? {} : { signal });
  if (response.ok && response.body !== null) return response.body;
  await response.body?.cancel();
  throw new Error(`the server says ${response.status} ${response.statusText}`.trim());
}

function parseJson(bytes: Uint8Array, source: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new UserError(`Cannot read "${source}": ${messageOf(cause)}`, { cause });
  }
}
