/**
 * Looking a column of a Parquet file over before it is decoded. The decoder believes what a file says of itself: in a
 * damaged one a run of two thousand million values, or a length that is missing, would keep it busy without end.
 *
 * @module
 */

import type { ColumnMetaData, FileMetaData, PageHeader } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { parquetHeader } from "hyparquet/src/column.js";
import { decompressPage } from "hyparquet/src/datapage.js";
import {
  getMaxDefinitionLevel,
  getMaxRepetitionLevel,
  getSchemaPath,
} from "hyparquet/src/schema.js";

/** Where a column of a group of rows lies in its file. */
export function columnRange(
  { dictionary_page_offset, data_page_offset, total_compressed_size }: ColumnMetaData,
): { readonly start: number; readonly end: number } {
  const start = Number(dictionary_page_offset || data_page_offset);
  return { start, end: start + Number(total_compressed_size) };
}

/** What is checked of a column. */
interface Column {
  readonly meta: ColumnMetaData;
  /** Bits of its repetition levels, and of its definition levels. */
  readonly levelBits: readonly [repetition: number, definition: number];
}

/**
 * Checks the bytes of a column.
 *
 * @throws {Error} If they are damaged.
 */
export function checkColumn(
  bytes: Uint8Array,
  meta: ColumnMetaData,
  { schema }: Pick<FileMetaData, "schema">,
): void {
  const path = getSchemaPath(schema, meta.path_in_schema);
  const bits = (level: number) => 32 - Math.clz32(level);
  const levelBits = [bits(getMaxRepetitionLevel(path)), bits(getMaxDefinitionLevel(path))] as const;
  const reader = {
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    offset: 0,
  };
  let values = 0;
  while (reader.offset < bytes.length - 1) {
    const header = parquetHeader(reader);
    const size = whole(header.compressed_page_size, bytes.length - reader.offset);
    const page = bytes.subarray(reader.offset, reader.offset + size);
    reader.offset += size;
    values += checkPage(page, header, { meta, levelBits });
  }
  if (values !== Number(meta.num_values)) throw new Error("a column with too few values");
}

/** Returns how many values a page adds. */
function checkPage(page: Uint8Array, header: PageHeader, column: Column): number {
  const { meta } = column;
  const size = whole(header.uncompressed_page_size, MAX_PAGE_BYTES);
  const { data_page_header: v1, data_page_header_v2: v2, dictionary_page_header: dictionary } =
    header;
  if (header.type === "DICTIONARY_PAGE" && dictionary !== undefined) {
    whole(dictionary.num_values, 8 * size);
    return 0;
  }
  const most = Number(meta.num_values);
  if (header.type === "DATA_PAGE" && v1 !== undefined) {
    const count = whole(v1.num_values, most);
    const content = decompressPage(page, size, meta.codec, compressors);
    let at = 0;
    for (const bits of column.levelBits) {
      if (bits > 0) at = checkLevels(content, { at, bits, count });
    }
    checkValues(content.subarray(at), { encoding: v1.encoding, count, meta });
    return count;
  }
  if (header.type === "DATA_PAGE_V2" && v2 !== undefined) {
    const count = whole(v2.num_values, most);
    whole(v2.num_nulls, count);
    whole(v2.num_rows, count);
    const repetitions = whole(v2.repetition_levels_byte_length, page.length);
    const definitions = whole(v2.definition_levels_byte_length, page.length - repetitions);
    const levels = repetitions + definitions;
    const [repetitionBits, definitionBits] = column.levelBits;
    if (repetitionBits > 0) {
      checkRuns(page.subarray(0, repetitions), { bits: repetitionBits, count });
    }
    if (definitionBits > 0) {
      checkRuns(page.subarray(repetitions, levels), { bits: definitionBits, count });
    }
    const rest = whole(size - levels, MAX_PAGE_BYTES);
    const isCompressed = v2.is_compressed !== false && rest > 0;
    const content = isCompressed
      ? decompressPage(page.subarray(levels), rest, meta.codec, compressors)
      : page.subarray(levels);
    checkValues(content, { encoding: v2.encoding, count: count - v2.num_nulls, meta });
    return count;
  }
  throw new Error("a page of an unknown kind");
}

const MAX_PAGE_BYTES = 2 ** 31 - 1;

/** Checks levels that begin with their length, and returns where they end. */
function checkLevels(
  bytes: Uint8Array,
  { at, bits, count }: { readonly at: number; readonly bits: number; readonly count: number },
): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
  const end = at + 4 + whole(length, bytes.length - at - 4);
  checkRuns(bytes.subarray(at + 4, end), { bits, count });
  return end;
}

function checkValues(
  bytes: Uint8Array,
  { encoding, count, meta }: {
    readonly encoding: string | undefined;
    readonly count: number;
    readonly meta: ColumnMetaData;
  },
): void {
  if (encoding === undefined) throw new Error("values of an unknown encoding");
  if (encoding === "RLE" || encoding.endsWith("_DICTIONARY")) {
    if (bytes.length === 0) return;
    if (meta.type === "BOOLEAN") {
      checkLevels(bytes, { at: 0, bits: 1, count });
      return;
    }
    const bits = whole(bytes[0], 32);
    if (bits > 0) checkRuns(bytes.subarray(1), { bits, count });
  } else if (encoding.startsWith("DELTA_")) checkDelta(bytes, count);
}

/** The longest padding that a writer puts behind the values of a page. */
const PADDING = 1024;

/** Checks values that are written as runs: of one value, or packed. */
function checkRuns(
  bytes: Uint8Array,
  { bits, count }: { readonly bits: number; readonly count: number },
): void {
  const reader = { bytes, at: 0 };
  let seen = 0;
  // nulls have no values; reading past the end is an error of its own
  while (seen < count && reader.at < bytes.length) {
    const header = varint(reader);
    const isPacked = (header & 1) === 1;
    const run = isPacked ? (header >>> 1) * 8 : header >>> 1;
    seen += whole(run, count - seen + PADDING);
    reader.at += isPacked ? (header >>> 1) * bits : (bits + 7) >> 3;
  }
}

/** Checks the sizes of blocks of differences. */
function checkDelta(bytes: Uint8Array, count: number): void {
  const reader = { bytes, at: 0 };
  const block = whole(varint(reader), 1 << 20);
  const parts = whole(varint(reader), 1 << 10);
  whole(varint(reader), count + PADDING);
  if (count > 0 && (parts === 0 || block === 0 || block % parts !== 0)) {
    throw new Error("blocks of an impossible size");
  }
}

function varint(reader: { readonly bytes: Uint8Array; at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) throw new Error("a page that is too short");
    value = (value | ((byte & 127) << shift)) >>> 0;
    if (byte < 128) return value;
  }
  throw new Error("a number that is too long");
}

/** Returns a number that must be whole, not negative and at most `most`. */
function whole(value: number | undefined, most: number): number {
  if (value !== undefined && Number.isSafeInteger(value) && value >= 0 && value <= most) {
    return value;
  }
  throw new Error("a number that cannot be");
}
