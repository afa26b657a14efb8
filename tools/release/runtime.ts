/**
 * Where the runtime comes from that an executable is built on: `denort`, of the same version as this Deno.
 *
 * @module
 */

import { join } from "node:path";
import { networkReason } from "../../src/cli/release_download.ts";
import { readZip } from "../../src/utils/archive/zip.ts";
import { writeFileAtomic } from "../../src/utils/atomic_file.ts";
import { messageOf } from "../../src/utils/errors.ts";
import { sha256 } from "./sha256.ts";
import { isElf, stripSymbols } from "./strip_symbols.ts";

/** Deno's own server. */
export const DENO_RELEASES = "https://dl.deno.land/release";

/** Options of {@linkcode findRuntime}. */
export interface RuntimeOptions {
  /** Folder in which runtimes are kept. */
  readonly folder: string;
  /** A program that prints the path of a `denort` when it is called with `--target TRIPLE`. @default {none} */
  readonly program?: string | undefined;
  /** Where they are downloaded from when there is no such program. @default {Deno's own server} */
  readonly url?: string;
}

/** Thrown when there is no runtime to be had for a platform. */
export class NoRuntimeError extends Error {
  /** Name of the class. */
  override readonly name = "NoRuntimeError";
}

/**
 * Returns the path of the `denort` for the platform `triple`.
 *
 * @throws {NoRuntimeError} If there is none to be had; the message is the reason.
 */
export async function findRuntime(triple: string, options: RuntimeOptions): Promise<string> {
  const { program, folder, url = DENO_RELEASES } = options;
  try {
    return program === undefined
      ? await download(`${url}/v${Deno.version.deno}/denort-${triple}.zip`, folder)
      : await ask(program, triple);
  } catch (cause) {
    throw new NoRuntimeError(messageOf(cause), { cause });
  }
}

async function ask(program: string, triple: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: ["--target", triple],
  }).output();
  const lastLine = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim().split("\n").at(-1);
  if (!success) throw new Error(lastLine(stderr) || `"${program} --target ${triple}" failed`);
  return lastLine(stdout) ?? "";
}

/** Downloads a `denort`, checks it against the checksum beside it, and keeps it without its symbols. */
async function download(url: string, folder: string): Promise<string> {
  const path = join(folder, url.split("/").slice(-2).join("-").replace(/\.zip$/, ""));
  if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
  const archive = await fetched(url);
  const expected = checksumIn(new TextDecoder().decode(await fetched(`${url}.sha256sum`)));
  const found = sha256(archive);
  if (expected !== found) throw new Error(`${url} has SHA-256 ${found}, not ${expected}`);
  const [entry] = await readZip(archive);
  if (entry === undefined) throw new Error(`${url} is empty`);
  await Deno.mkdir(folder, { recursive: true });
  await writeFileAtomic(path, isElf(entry.bytes) ? stripSymbols(entry.bytes) : entry.bytes);
  if (Deno.build.os !== "windows") await Deno.chmod(path, 0o755);
  return path;
}

/** The checksum in a line of `sha256sum`, or in what PowerShell makes of one: `Hash : …` in capitals. */
function checksumIn(text: string): string | undefined {
  return /\b[0-9a-f]{64}\b/i.exec(text)?.[0].toLowerCase();
}

async function fetched(url: string): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new Error(`cannot download ${url}: ${networkReason(cause)}`, { cause });
  }
  if (response.ok) return await response.bytes();
  await response.body?.cancel();
  throw new Error(`cannot download ${url}: ${response.status} ${response.statusText}`);
}
