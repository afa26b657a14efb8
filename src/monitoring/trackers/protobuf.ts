/**
 * As much of the wire format of protocol buffers as event files need: fields are written in any order by their numbers,
 * and read without a schema.
 *
 * @module
 */

/** One field: its number, and its content in the form that says its wire type. */
export type ProtoField =
  | readonly [number: number, kind: "varint", value: number]
  | readonly [number: number, kind: "double" | "float", value: number]
  | readonly [number: number, kind: "bytes", value: Uint8Array]
  | readonly [number: number, kind: "text", value: string];

/** Encodes a message. */
export function encodeMessage(fields: readonly ProtoField[]): Uint8Array {
  const parts = fields.map(encodeField);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function encodeField([number, kind, value]: ProtoField): Uint8Array {
  switch (kind) {
    case "varint":
      return Uint8Array.of(...varint(number << 3), ...varint(value));
    case "double": {
      const bytes = new Uint8Array(9);
      bytes[0] = (number << 3) | 1;
      new DataView(bytes.buffer).setFloat64(1, value, true);
      return bytes;
    }
    case "float": {
      const bytes = new Uint8Array(5);
      bytes[0] = (number << 3) | 5;
      new DataView(bytes.buffer).setFloat32(1, value, true);
      return bytes;
    }
    case "bytes":
      return delimited(number, value);
    case "text":
      return delimited(number, new TextEncoder().encode(value));
  }
}

function delimited(number: number, content: Uint8Array): Uint8Array {
  const head = [...varint((number << 3) | 2), ...varint(content.length)];
  const bytes = new Uint8Array(head.length + content.length);
  bytes.set(head);
  bytes.set(content, head.length);
  return bytes;
}

/** Seven bits a byte, the lowest first; the number is a whole one below 2^53. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  bytes.push(value);
  return bytes;
}

/** A field that was read: the number of a varint, the bytes of anything else. */
export interface DecodedField {
  /** Its number. */
  readonly number: number;
  /** Its content. */
  readonly value: number | Uint8Array;
}

/** Yields the fields of a message; ends where it is not one. */
export function* decodeMessage(bytes: Uint8Array): Generator<DecodedField, void> {
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 0x80) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const key = readVarint();
    const number = Math.floor(key / 8);
    const wireType = key % 8;
    if (wireType === 0) {
      yield { number, value: readVarint() };
      continue;
    }
    const length = LENGTHS[wireType] ?? (wireType === 2 ? readVarint() : undefined);
    if (length === undefined || at + length > bytes.length) return;
    yield { number, value: bytes.subarray(at, at + length) };
    at += length;
  }
}

/** Bytes of the wire types whose length is fixed. */
const LENGTHS: Readonly<Record<number, number>> = { 1: 8, 5: 4 };
