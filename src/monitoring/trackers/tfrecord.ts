/**
 * TFRecord, the frame of event files: length, its checksum, data, its checksum. Checksums are CRC-32C, masked.
 *
 * @module
 */

/** CRC-32C (Castagnoli), reflected. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** Returns the CRC-32C of `bytes`. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

const MASK_DELTA = 0xa282ead8;

/** A checksum of data that holds checksums would else be weak. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;

/** Returns `data` as a record. */
export function encodeRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + data.length + FOOTER_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, HEADER_BYTES);
  view.setUint32(HEADER_BYTES + data.length, maskedCrc(data), true);
  return record;
}

/** Yields the data of the records in `bytes`, up to one that is damaged or not whole. */
export function* decodeRecords(bytes: Uint8Array): Generator<Uint8Array, void> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + HEADER_BYTES + FOOTER_BYTES <= bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    const end = at + HEADER_BYTES + length;
    if (end + FOOTER_BYTES > bytes.length) return;
    if (view.getUint32(at + 8, true) !== maskedCrc(bytes.subarray(at, at + 8))) return;
    const data = bytes.subarray(at + HEADER_BYTES, end);
    if (view.getUint32(end, true) !== maskedCrc(data)) return;
    yield data;
    at = end + FOOTER_BYTES;
  }
}
