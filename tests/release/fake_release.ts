/**
 * A release whose program is a shell script, and a server to install it from.
 *
 * @module
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { archiveName, executableName, releasePlatform } from "../../src/cli/release_platform.ts";
import { RELEASE_MANIFEST } from "../../src/cli/release_manifest.ts";
import { writeTarGz } from "../../src/utils/archive/tar.ts";
import { ReleaseFolder } from "../../tools/release/release_folder.ts";
import { sha256 } from "../../tools/release/sha256.ts";

/** This machine's platform; the fake releases are for Unix. */
export const platform = releasePlatform()!;

/** Options of {@linkcode writeFakeRelease}. */
export interface FakeRelease {
  /** The version. */
  readonly version: string;
  /** The program. @default {one that prints the version} */
  readonly program?: string;
}

/** Writes a release into `folder`. */
export async function writeFakeRelease(folder: string, release: FakeRelease): Promise<void> {
  const { version, program = `#!/bin/sh\necho ${version}\n` } = release;
  const output = await ReleaseFolder.open(folder);
  const bytes = new TextEncoder().encode(program);
  const name = executableName(platform);
  const entries = [{ name, bytes, executable: true }];
  const archive = await output.add(
    archiveName(platform),
    await writeTarGz(entries, { modifiedSeconds: 0 }),
  );
  await output.addChecksum(archive);
  const executable = { name, sizeBytes: bytes.length, sha256: sha256(bytes) };
  const build = { platform, triple: Deno.build.target, built: true, archive, executable };
  const manifest = { name: "llm-training", version, builds: [build], files: output.files };
  await output.add(RELEASE_MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`);
  await output.close();
}

/** A server of files. */
export interface FileServer extends AsyncDisposable {
  /** Its address, without a slash at the end. */
  readonly url: string;
}

/** Says what is sent instead of `bytes` for the file `name`; `undefined` sends half of it and hangs up. */
export type Tamper = (bytes: Uint8Array<ArrayBuffer>, name: string) =>
  | Uint8Array<ArrayBuffer>
  | undefined;

/** Serves the files of `folder`, changed by `tamper`. */
export async function serveFiles(
  folder: string,
  tamper: Tamper = (bytes) => bytes,
): Promise<FileServer> {
  const server = createServer(async ({ url }, response) => {
    const bytes = await Deno.readFile(join(folder, url!)).catch(() => undefined);
    if (bytes === undefined) {
      response.writeHead(404).end();
      return;
    }
    const sent = tamper(bytes, url!.slice(1));
    response.writeHead(200, { "content-length": (sent ?? bytes).length });
    if (sent !== undefined) response.end(sent);
    else response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Returns an address at which nothing listens. */
export function unreachableUrl(): string {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return `http://127.0.0.1:${listener.addr.port}`;
}

/** Flips a bit in the middle of archives. */
export const corrupt: Tamper = (bytes, name) => {
  if (!name.endsWith(".tar.gz")) return bytes;
  const changed = bytes.slice();
  changed[changed.length >> 1]! ^= 1;
  return changed;
};

/** Cuts archives off. */
export const cutOff: Tamper = (bytes, name) => name.endsWith(".tar.gz") ? undefined : bytes;

/** Returns the paths of all that lies in `folder`, links with what they point to. */
export async function listing(folder: string, prefix = ""): Promise<readonly string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(join(folder, prefix))) {
    const path = join(prefix, name);
    if (isSymlink) paths.push(`${path} -> ${await Deno.readLink(join(folder, path))}`);
    else paths.push(path);
    if (isDirectory) paths.push(...await listing(folder, path));
  }
  return paths.toSorted();
}
