import assert from "node:assert/strict";
import { decodeMessage, encodeMessage } from "../../../src/monitoring/trackers/protobuf.ts";
import { crc32c, decodeRecords, encodeRecord } from "../../../src/monitoring/trackers/tfrecord.ts";

Deno.test("crc32c() has the check values of RFC 3720", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});

Deno.test("decodeRecords() returns what encodeRecord() wrote, up to what is damaged or cut", () => {
  const contents = ["", "a", "some more"].map((text) => new TextEncoder().encode(text));
  const bytes = Uint8Array.from(contents.flatMap((content) => [...encodeRecord(content)]));
  assert.deepEqual([...decodeRecords(bytes)], contents);
  assert.deepEqual([...decodeRecords(bytes.subarray(0, -1))], contents.slice(0, 2));
  const damaged = Uint8Array.from(bytes);
  damaged[16 + 12]! ^= 1; // the content of the second
  assert.deepEqual([...decodeRecords(damaged)], contents.slice(0, 1));
});

Deno.test("decodeMessage() returns the fields that encodeMessage() wrote", () => {
  const bytes = encodeMessage([
    [1, "double", 1.5],
    [2, "varint", 2 ** 40 + 300],
    [16, "text", "é"],
    [3, "float", 0.1],
    [2047, "bytes", Uint8Array.of(1, 2)],
  ]);
  const fields = [...decodeMessage(bytes)];
  assert.deepEqual(fields.map(({ number }) => number), [1, 2, 16, 3, 2047]);
  assert.equal(fields[1]!.value, 2 ** 40 + 300);
  assert.deepEqual(fields[2]!.value, new TextEncoder().encode("é"));
  assert.deepEqual(fields[4]!.value, Uint8Array.of(1, 2));
});
