/**
 * Archives as `tar` has them, compressed by gzip: files alone, with short names.
 *
 * The format is POSIX.1-1988's ustar, which every `tar` reads.
 *
 * @module
 */

import { promisify } from "node:util";
import { constants, gunzip, gzip } from "node:zlib";
import { messageOf } from "../errors.ts";
import { type ArchiveEntry, ArchiveError, type ArchiveOptions } from "./entry.ts";

const BLOCK = 512;

/** Name and length of the fields of a header that are used, in bytes from its start. */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  modified: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
} as const;
type Field = keyof typeof FIELDS;

/** Writes a compressed archive of `entries`. */
export async function writeTarGz(
  entries: readonly ArchiveEntry[],
  { modifiedSeconds }: ArchiveOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const blocks = entries.flatMap((entry) => [
    header(entry, modifiedSeconds),
    entry.bytes,
    new Uint8Array(padding(entry.bytes.length)),
  ]);
  const whole = await new Blob([...blocks, new Uint8Array(2 * BLOCK)]).bytes();
  return new Uint8Array(await promisify(gzip)(whole, { level: constants.Z_BEST_COMPRESSION }));
}

/**
 * Reads a compressed archive; folders in it are passed over.
 *
 * @throws {ArchiveError} If it is none, is cut off, or holds anything but files and folders.
 */
export async function readTarGz(bytes: Uint8Array): Promise<readonly ArchiveEntry[]> {
  const whole = await promisify(gunzip)(bytes).catch((cause) => {
    throw new ArchiveError(`Cannot unpack the archive: ${messageOf(cause)}`, { cause });
  });
  const entries: ArchiveEntry[] = [];
  let at = 0;
  while (at + BLOCK <= whole.length) {
    const block = whole.subarray(at, at + BLOCK);
    if (block.every((byte) => byte === 0)) return entries; // the end is marked by a block of zeros
    if (octal(block, "checksum") !== checksum(block)) {
      throw new ArchiveError(`Cannot unpack the archive: the header at byte ${at} is damaged`);
    }
    const name = text(block, "name");
    const size = octal(block, "size");
    const type = text(block, "type");
    const start = at + BLOCK;
    if (type === "" || type === "0") {
      if (start + size > whole.length) break;
      entries.push({
        name: name.replace(/^\.\//, ""),
        bytes: new Uint8Array(whole.subarray(start, start + size)),
        executable: (octal(block, "mode") & 0o100) !== 0,
      });
    } else if (type !== "5") {
      throw new ArchiveError(`Cannot unpack the archive: "${name}" is neither file nor folder`);
    }
    at = start + size + padding(size);
  }
  throw new ArchiveError("Cannot unpack the archive: it is cut off");
}

function header({ name, bytes, executable }: ArchiveEntry, modifiedSeconds: number): Uint8Array<
  ArrayBuffer
> {
  const block = new Uint8Array(BLOCK);
  const put = (field: Field, value: string) => {
    const [start, length] = FIELDS[field];
    const encoded = new TextEncoder().encode(value);
    if (encoded.length > length) {
      throw new RangeError(`Cannot archive "${name}": its ${field} is too long`);
    }
    block.set(encoded, start);
  };
  const putOctal = (field: Field, value: number) =>
    put(field, `${value.toString(8).padStart(FIELDS[field][1] - 1, "0")}\0`);
  put("name", name);
  putOctal("mode", executable === true ? 0o755 : 0o644);
  putOctal("uid", 0);
  putOctal("gid", 0);
  putOctal("size", bytes.length);
  putOctal("modified", modifiedSeconds);
  put("type", "0");
  put("magic", "ustar\x0000");
  put("checksum", `${checksum(block).toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** The sum of a header's bytes, its own field taken as spaces. */
function checksum(block: Uint8Array): number {
  const [start, length] = FIELDS.checksum;
  return block.reduce(
    (sum, byte, at) => sum + (at >= start && at < start + length ? 0x20 : byte),
    0,
  );
}

function text(block: Uint8Array, field: Field): string {
  const [start, length] = FIELDS[field];
  return new TextDecoder().decode(block.subarray(start, start + length)).replace(/\0.*$/s, "");
}

function octal(block: Uint8Array, field: Field): number {
  return Number.parseInt(text(block, field).trim() || "0", 8);
}

function padding(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}
