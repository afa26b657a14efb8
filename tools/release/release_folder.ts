/**
 * The folder of a release: what is put there is listed with its checksum.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { RELEASE_MANIFEST, type ReleaseFile } from "../../src/cli/release_manifest.ts";
import { removeIfThere, writeFileAtomic } from "../../src/utils/atomic_file.ts";
import { checksumLine, sha256 } from "./sha256.ts";

/** The file with the checksums of all others. */
export const CHECKSUMS = "SHA256SUMS";

/** What a release is written to. */
export class ReleaseFolder {
  readonly #path: string;
  readonly #files: ReleaseFile[] = [];

  /** Takes the folder at `path`, which is there. */
  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes the folder `path` if need be, and takes an earlier release out of it. */
  static async open(path: string): Promise<ReleaseFolder> {
    await Deno.mkdir(path, { recursive: true });
    const earlier = await Deno.readTextFile(join(path, CHECKSUMS)).catch(() => "");
    for (const [, name] of earlier.matchAll(/^[0-9a-f]{64} {2}([\w.-]+)$/gm)) {
      await removeIfThere(join(path, name!));
    }
    for (const name of [CHECKSUMS, RELEASE_MANIFEST]) await removeIfThere(join(path, name));
    return new ReleaseFolder(path);
  }

  /** The files so far, sorted by name. */
  get files(): readonly ReleaseFile[] {
    return this.#files.toSorted((a, b) => a.name < b.name ? -1 : 1);
  }

  /** Writes a file. */
  async add(name: string, content: Uint8Array<ArrayBuffer> | string): Promise<ReleaseFile> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await writeFileAtomic(join(this.#path, name), bytes);
    const file = { name, sizeBytes: bytes.length, sha256: sha256(bytes) };
    this.#files.push(file);
    return file;
  }

  /** Writes the checksum of a file beside it. */
  async addChecksum(file: ReleaseFile): Promise<void> {
    await this.add(`${file.name}.sha256`, checksumLine(file));
  }

  /** Lists a file that something else has written here. */
  async take(name: string): Promise<void> {
    const hash = createHash("sha256");
    let sizeBytes = 0;
    for await (
      const chunk of createReadStream(join(this.#path, name)) as AsyncIterable<Uint8Array>
    ) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    this.#files.push({ name, sizeBytes, sha256: hash.digest("hex") });
  }

  /** Writes the checksums of all files: the last of them. */
  async close(): Promise<void> {
    await writeFileAtomic(join(this.#path, CHECKSUMS), this.files.map(checksumLine).join(""));
  }
}
