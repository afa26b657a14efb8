/**
 * The list of a checkpoint's files with their sizes and checksums, by which a damaged one is recognised.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import type { FileContent } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import {
  array,
  decode,
  integer,
  object,
  optional,
  readJsonFile,
  record,
  text,
} from "../../utils/json.ts";

/** The name of the manifest inside a checkpoint. */
export const MANIFEST_FILE = "manifest.json";

/** The state of the optimizer: tensors named `<weight>.<what>`, for example `lm_head.weight.exp_avg`. */
export const OPTIMIZER_FILE = "optimizer.safetensors";

/** The format of checkpoints that this version writes and reads. */
export const CHECKPOINT_FORMAT = 1;

/** What is known of one file. */
export interface ManifestEntry {
  /** Its length. */
  readonly sizeBytes: number;
  /** Its SHA-256, in hexadecimal digits. */
  readonly sha256: string;
}

/** The files of a checkpoint. */
export interface Manifest {
  /** See {@linkcode CHECKPOINT_FORMAT}. */
  readonly format: number;
  /** Every file but the manifest, by name. */
  readonly files: Readonly<Record<string, ManifestEntry>>;
  /** Names of files that were removed on purpose. */
  readonly dropped?: readonly string[];
}

const manifest = object<Manifest>({
  format: integer({ min: 1 }),
  files: record(object({ sizeBytes: integer({ min: 0 }), sha256: text() })),
  dropped: optional(array(text()), []),
});

/** Content that is being written, and what the manifest will say of it once it is. */
export interface MeasuredContent {
  /** The same content, measured while it is written. */
  readonly content: FileContent;
  /** Returns its length and checksum; call it once, when it is written. */
  entry(): ManifestEntry;
}

/** Measures `content` while it is written, so that it need not be read again. */
export function measured(content: FileContent): MeasuredContent {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  return {
    async content(sink) {
      const write = async (bytes: Uint8Array) => {
        const writing = sink.write(bytes); // goes on in another thread
        hash.update(bytes);
        sizeBytes += bytes.length;
        await writing;
      };
      if (typeof content === "function") await content({ write });
      else await write(typeof content === "string" ? new TextEncoder().encode(content) : content);
    },
    entry: () => ({ sizeBytes, sha256: hash.digest("hex") }),
  };
}

/**
 * Reads the manifest of the checkpoint in `folder`, and looks at no other file.
 *
 * @throws {UserError} If it is missing or cannot be understood.
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST_FILE);
  const read = decode(manifest, await readJsonFile(path), path);
  if (read.format !== CHECKPOINT_FORMAT) {
    throw damaged(folder, `it has format ${read.format}, this version reads ${CHECKPOINT_FORMAT}`);
  }
  return read;
}

/**
 * Reads the manifest of the checkpoint in `folder` and compares every file with it.
 *
 * @throws {UserError} If one is missing or has changed; the message names it.
 */
export async function verifyManifest(folder: string): Promise<Manifest> {
  const read = await readManifest(folder);
  for (const [name, expected] of Object.entries(read.files)) {
    const { sizeBytes, sha256 } = await measureFile(join(folder, name));
    if (sizeBytes !== expected.sizeBytes) {
      throw damaged(folder, `${name} has ${sizeBytes} bytes instead of ${expected.sizeBytes}`);
    }
    if (sha256 !== expected.sha256) {
      throw damaged(folder, `${name} is damaged, its checksum differs`);
    }
  }
  return read;
}

async function measureFile(path: string): Promise<ManifestEntry> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(1 << 20);
  let sizeBytes = 0;
  try {
    using file = await Deno.open(path);
    for (;;) {
      const count = await file.read(buffer);
      if (count === null) break;
      hash.update(buffer.subarray(0, count));
      sizeBytes += count;
    }
  } catch (error) {
    throw fileError("read", path, error);
  }
  return { sizeBytes, sha256: hash.digest("hex") };
}

function damaged(folder: string, state: string): UserError {
  return new UserError(`Cannot use checkpoint "${folder}": ${state}`);
}
