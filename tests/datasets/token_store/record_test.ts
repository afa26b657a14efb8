import assert from "node:assert/strict";
import fc from "fast-check";
import type { Example } from "../../../src/datasets/encode.ts";
import {
  createByteList,
  idBytesFor,
  readRecord,
  writeRecord,
} from "../../../src/datasets/token_store/record.ts";

/** Examples whose labels are −100, the id, or now and then another. */
const examples = (maxId: number) =>
  fc.array(
    fc.tuple(fc.integer({ min: 0, max: maxId }), fc.constantFrom("id", "masked", "masked", "id"))
      .chain(([id, kind]) =>
        fc.tuple(
          fc.constant(id),
          kind === "id" ? fc.constant(id) : fc.constant(-100),
          fc.oneof({ weight: 200, arbitrary: fc.constant(undefined) }, {
            weight: 1,
            arbitrary: fc.integer({ min: 0, max: maxId }),
          }),
        )
      ),
    { maxLength: 400 },
  ).map((tokens): Example => ({
    inputIds: Int32Array.from(tokens, ([id]) => id),
    labels: Int32Array.from(tokens, ([, label, other]) => other ?? label),
  }));

Deno.test("readRecord() reads what writeRecord() wrote, one after another", () => {
  for (const maxId of [2 ** 16 - 1, 2 ** 31 - 1]) {
    const idBytes = idBytesFor(maxId + 1);
    assert.equal(idBytes, maxId < 2 ** 16 ? 2 : 4);
    fc.assert(fc.property(fc.array(examples(maxId), { maxLength: 4 }), (written) => {
      const target = createByteList();
      const sizes = written.map((example) => writeRecord(example, { target, idBytes }));
      const bytes = target.take();
      let at = 0;
      const read = written.map(({ inputIds }, i) => {
        const record = bytes.subarray(at, at += sizes[i]!);
        return readRecord(record, { length: inputIds.length, idBytes });
      });
      assert.deepEqual(read, written);
      assert.equal(at, bytes.length);
      assert.equal(target.length, 0);
    }));
  }
});

Deno.test("writeRecord() takes little more than the ids where labels are they or −100", () => {
  const inputIds = Int32Array.from({ length: 1000 }, (_, i) => i);
  const labels = inputIds.map((id) => id < 300 ? -100 : id);
  const target = createByteList();
  // a byte tells the form, and two each the stretches of 300 and 700 tokens
  assert.equal(writeRecord({ inputIds, labels }, { target, idBytes: 2 }), 2000 + 1 + 2 + 2);
});
