/**
 * Takes the symbol table out of a `denort` for Linux, where it has one: 27 MB that are never loaded.
 *
 * It is done to the runtime before `deno compile` appends the program; the finished executable must not be touched.
 *
 * @module
 */

/** Offsets in the header of a 64-bit ELF file, and in its section headers. */
const HEADER = { sectionTable: 40, sectionSize: 58, sectionCount: 60, sectionNames: 62 } as const;
const SECTION = { type: 4, flags: 8, offset: 24, size: 32, length: 64 } as const;
const SHT_NOBITS = 8;
const SHF_ALLOC = 2n;

/** Whether `bytes` are a 64-bit little-endian ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return [0x7f, 0x45, 0x4c, 0x46, 2, 1].every((byte, at) => bytes[at] === byte);
}

/**
 * Returns what of the ELF file `bytes` is loaded when it runs: neither symbols nor section headers. A file without
 * section headers comes back as it is.
 *
 * @throws {RangeError} If its table of sections is not what the format says.
 */
export function stripSymbols(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const table = Number(view.getBigUint64(HEADER.sectionTable, true));
  const count = view.getUint16(HEADER.sectionCount, true);
  if (table === 0 || count === 0) return bytes;
  const size = view.getUint16(HEADER.sectionSize, true);
  if (size !== SECTION.length || table + count * size > bytes.length) {
    throw new RangeError("Cannot strip the runtime: its table of sections is damaged");
  }
  let end = 0;
  for (let at = table; at < table + count * size; at += size) {
    const isStored = view.getUint32(at + SECTION.type, true) !== SHT_NOBITS;
    const isLoaded = (view.getBigUint64(at + SECTION.flags, true) & SHF_ALLOC) !== 0n;
    if (!isStored || !isLoaded) continue;
    const [offset, length] = [SECTION.offset, SECTION.size].map((field) =>
      Number(view.getBigUint64(at + field, true))
    );
    end = Math.max(end, offset! + length!);
  }
  const stripped = bytes.slice(0, end);
  const header = new DataView(stripped.buffer);
  header.setBigUint64(HEADER.sectionTable, 0n, true);
  header.setUint16(HEADER.sectionCount, 0, true);
  header.setUint16(HEADER.sectionNames, 0, true);
  return stripped;
}
