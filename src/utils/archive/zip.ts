/**
 * Archives as Windows opens them by itself: ZIP, each file deflated, below 4 GiB.
 *
 * The records are those of PKWARE's APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (central directory) and
 * 4.3.16 (its end).
 *
 * @module
 */

import { promisify } from "node:util";
import { constants, crc32, deflateRaw, inflateRaw } from "node:zlib";
import { messageOf } from "../errors.ts";
import { type ArchiveEntry, ArchiveError, type ArchiveOptions } from "./entry.ts";

const LOCAL = { signature: 0x04034b50, size: 30 };
const CENTRAL = { signature: 0x02014b50, size: 46 };
const END = { signature: 0x06054b50, size: 22 };

/** Version 2.0, which has deflate; made on Unix, so that modes are kept. */
const VERSION = 20;
const MADE_ON_UNIX = VERSION | (3 << 8);
const DEFLATED = 8;
const STORED = 0;
const UTF8_NAMES = 1 << 11;

/** Writes an archive of `entries`. */
export async function writeZip(
  entries: readonly ArchiveEntry[],
  { modifiedSeconds }: ArchiveOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  for (const entry of entries) {
    const name = new TextEncoder().encode(entry.name);
    const packed = new Uint8Array(
      await promisify(deflateRaw)(entry.bytes, { level: constants.Z_BEST_COMPRESSION }),
    );
    // What the local header and the directory have in common, from "version needed" on
    const common = new Uint8Array(26);
    const view = new DataView(common.buffer);
    view.setUint16(0, VERSION, true);
    view.setUint16(2, UTF8_NAMES, true);
    view.setUint16(4, DEFLATED, true);
    view.setUint32(6, dosTime(modifiedSeconds), true);
    view.setUint32(10, crc32(entry.bytes), true);
    view.setUint32(14, packed.length, true);
    view.setUint32(18, entry.bytes.length, true);
    view.setUint16(22, name.length, true);
    const local = [signed(LOCAL.signature, 4), common, name, packed];
    parts.push(...local);
    const rest = new Uint8Array(CENTRAL.size - 32);
    const mode = entry.executable === true ? 0o100755 : 0o100644;
    new DataView(rest.buffer).setUint16(8, mode, true);
    new DataView(rest.buffer).setUint32(10, at, true);
    const made = signed(CENTRAL.signature, 6);
    new DataView(made.buffer).setUint16(4, MADE_ON_UNIX, true);
    directory.push(made, common, rest, name);
    at += local.reduce((sum, { length }) => sum + length, 0);
  }
  const end = signed(END.signature, END.size);
  const view = new DataView(end.buffer);
  view.setUint16(8, entries.length, true);
  view.setUint16(10, entries.length, true);
  view.setUint32(12, directory.reduce((sum, { length }) => sum + length, 0), true);
  view.setUint32(16, at, true);
  return await new Blob([...parts, ...directory, end]).bytes();
}

/**
 * Reads an archive; folders in it are passed over.
 *
 * @throws {ArchiveError} If it is none, is cut off, or a file in it was changed.
 */
export async function readZip(bytes: Uint8Array): Promise<readonly ArchiveEntry[]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    let end = bytes.length - END.size;
    while (end >= 0 && view.getUint32(end, true) !== END.signature) end--;
    if (end < 0) throw new ArchiveError("Cannot unpack the archive: it has no end, or is no ZIP");
    const entries: ArchiveEntry[] = [];
    let at = view.getUint32(end + 16, true);
    for (let count = view.getUint16(end + 10, true); count > 0; count--) {
      if (view.getUint32(at, true) !== CENTRAL.signature) {
        throw new ArchiveError("Cannot unpack the archive: its directory is damaged");
      }
      const nameLength = view.getUint16(at + 28, true);
      const extraLength = view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
      const nameAt = at + CENTRAL.size;
      const name = new TextDecoder().decode(bytes.subarray(nameAt, nameAt + nameLength));
      if (!name.endsWith("/")) entries.push(await entryAt(bytes, { name, view, at }));
      at = nameAt + nameLength + extraLength;
    }
    return entries;
  } catch (cause) {
    if (cause instanceof ArchiveError) throw cause;
    throw new ArchiveError(`Cannot unpack the archive: ${messageOf(cause)}`, { cause });
  }
}

/** Reads the file whose entry of the directory is at `at`. */
async function entryAt(
  bytes: Uint8Array,
  { name, view, at }: { readonly name: string; readonly view: DataView; readonly at: number },
): Promise<ArchiveEntry> {
  const method = view.getUint16(at + 10, true);
  const packedLength = view.getUint32(at + 20, true);
  const local = view.getUint32(at + 42, true);
  const start = local + LOCAL.size + view.getUint16(local + 26, true) +
    view.getUint16(local + 28, true);
  const packed = bytes.subarray(start, start + packedLength);
  if (method !== DEFLATED && method !== STORED) {
    throw new ArchiveError(`Cannot unpack "${name}": its compression ${method} is not known`);
  }
  const content = method === STORED ? packed : await promisify(inflateRaw)(packed);
  if (crc32(content) !== view.getUint32(at + 16, true)) {
    throw new ArchiveError(`Cannot unpack "${name}": its checksum is wrong`);
  }
  const executable = (view.getUint16(at + 40, true) & 0o100) !== 0;
  return { name, bytes: new Uint8Array(content), executable };
}

/** Returns `length` bytes that begin with `signature`. */
function signed(signature: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, signature, true);
  return bytes;
}

/** A time as MS-DOS has it, in UTC: the format cannot say before 1980. */
function dosTime(seconds: number): number {
  const date = new Date(seconds * 1000);
  const year = Math.max(0, date.getUTCFullYear() - 1980);
  const day = (year << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) |
    (date.getUTCSeconds() >> 1);
  return ((day << 16) | time) >>> 0;
}
