/**
 * How one example is written in a token store: its ids, then which of them are trained.
 *
 * Labels are nearly always the ids or −100, so what is written of them is the lengths of the stretches that are not
 * trained and trained in turn; other labels are written one by one.
 *
 * @module
 */

import type { Example } from "../encode.ts";
import { IGNORED_LABEL } from "../labels.ts";

/** Bytes of a token id. */
export type IdBytes = 2 | 4;

/** What the byte after the ids says of the labels. */
const STRETCHES = 0;
const ONE_BY_ONE = 1;

/** Returns how many bytes hold every id of a vocabulary. */
export function idBytesFor(vocabSize: number): IdBytes {
  return vocabSize <= 2 ** 16 ? 2 : 4;
}

/** Bytes that grow in number. */
export interface ByteList {
  /** How many there are. */
  readonly length: number;
  /** Makes room for `count` more at the end and returns them, to be written at once. */
  extend(count: number): Uint8Array;
  /** Drops the last `count`. */
  shorten(count: number): void;
  /** Returns them all and starts anew. */
  take(): Uint8Array<ArrayBuffer>;
}

/** Creates an empty list. */
export function createByteList(): ByteList {
  let bytes = new Uint8Array(1 << 16);
  let length = 0;
  return {
    get length() {
      return length;
    },
    extend(count) {
      if (length + count > bytes.length) {
        const larger = new Uint8Array(Math.max(2 * bytes.length, length + count));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      length += count;
      return bytes.subarray(length - count, length);
    },
    shorten(count) {
      length -= count;
    },
    take() {
      const taken = bytes.slice(0, length);
      length = 0;
      return taken;
    },
  };
}

/** Appends an example to `target` and returns how many bytes it takes. */
export function writeRecord(
  { inputIds, labels }: Example,
  { target, idBytes }: { readonly target: ByteList; readonly idBytes: IdBytes },
): number {
  const before = target.length;
  const ids = target.extend(inputIds.length * idBytes);
  let at = 0;
  for (const id of inputIds) {
    ids[at++] = id;
    ids[at++] = id >>> 8;
    if (idBytes === 2) continue;
    ids[at++] = id >>> 16;
    ids[at++] = id >>> 24;
  }
  const areStretches = labels.every((label, i) => label === inputIds[i] || label === IGNORED_LABEL);
  target.extend(1)[0] = areStretches ? STRETCHES : ONE_BY_ONE;
  if (areStretches) writeStretches(labels, target);
  else target.extend(4 * labels.length).set(new Uint8Array(Int32Array.from(labels).buffer));
  return target.length - before;
}

/** A stretch of fewer than 128 tokens takes a byte, of fewer than 16,384 two, and so on. */
function writeStretches(labels: Int32Array, target: ByteList): void {
  let trained = false;
  let start = 0;
  for (let i = 0; i <= labels.length; i++) {
    if (i < labels.length && (labels[i] !== IGNORED_LABEL) === trained) continue;
    let left = i - start;
    while (left >= 128) {
      target.extend(1)[0] = (left & 127) | 128;
      left >>>= 7;
    }
    target.extend(1)[0] = left;
    start = i;
    trained = !trained;
  }
}

/** Reads the example of `length` tokens that {@linkcode writeRecord} made `bytes` of. */
export function readRecord(
  bytes: Uint8Array,
  { length, idBytes }: { readonly length: number; readonly idBytes: IdBytes },
): Example {
  const inputIds = new Int32Array(length);
  let at = 0;
  for (let i = 0; i < length; i++) {
    let id = bytes[at++]! | (bytes[at++]! << 8);
    if (idBytes === 4) id |= (bytes[at++]! << 16) | (bytes[at++]! << 24);
    inputIds[i] = id;
  }
  if (bytes[at++] === ONE_BY_ONE) {
    return { inputIds, labels: new Int32Array(bytes.slice(at, at + 4 * length).buffer) };
  }
  const labels = new Int32Array(length).fill(IGNORED_LABEL);
  let trained = false;
  for (let start = 0; start < length;) {
    let stretch = 0;
    for (let shift = 0;; shift += 7) {
      const byte = bytes[at++]!;
      stretch |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (trained) labels.set(inputIds.subarray(start, start + stretch), start);
    start += stretch;
    trained = !trained;
  }
  return { inputIds, labels };
}
