/**
 * Files that `deno task compile` packs into the executable.
 *
 * @module
 */

import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createZstdDecompress, zstdDecompress } from "node:zlib";

/** The folder of these files, beside that of the bundled program. */
export const EMBEDDED_FOLDER = "embedded";

/** The file that lists the others. */
export const EMBEDDED_MANIFEST = "manifest.json";

/** What is packed into the executable. */
export interface EmbeddedManifest {
  /** Native libraries: name and unpacked size; empty where the platform has none. */
  readonly native: readonly { readonly name: string; readonly sizeBytes: number }[];
  /** SHA-256 of the native libraries, which names the folder they are unpacked into. */
  readonly nativeHash: string;
}

/** Says whether this is the executable that the task makes, which has its own copies of ONNX Runtime's files. */
export function isExecutable(): boolean {
  return Deno.build.standalone && existsSync(embeddedUrl(EMBEDDED_MANIFEST));
}

/** Returns the URL of a file in the executable. */
export function embeddedUrl(name: string): URL {
  // Splitting puts all that the program and its workers share into files in the bundle's own folder
  return new URL(`../${EMBEDDED_FOLDER}/${name}`, import.meta.url);
}

/** Reads a file of the executable, which is stored compressed as `<name>.zst`. */
export async function readEmbedded(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await promisify(zstdDecompress)(await readFile(embeddedUrl(`${name}.zst`)));
  return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes a file of the executable to `path`, piece by piece: what is as large as a library stays out of memory. */
export async function unpackEmbedded(name: string, path: string): Promise<void> {
  await pipeline(
    createReadStream(embeddedUrl(`${name}.zst`)),
    createZstdDecompress(),
    createWriteStream(path),
  );
}
