import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { READABLE_GGML_TYPES } from "../../../../src/engine/tensor/gguf/ggml_types.ts";
import { openGguf } from "../../../../src/engine/tensor/gguf/gguf_file.ts";
import { UserError } from "../../../../src/utils/errors.ts";
import { temporaryFolder } from "../../../temporary_folder.ts";

const QUANTS = fileURLToPath(new URL("../../../fixtures/gguf/quants.gguf", import.meta.url));

Deno.test("openGguf() reads every kind of metadata", async () => {
  using file = await openGguf(QUANTS);
  const values = [...file.metadata].filter(([key]) => key.startsWith("test."))
    .map(([key, { type, value }]) => [key, type, value]);
  assert.deepEqual(values, [
    ["test.uint8", "uint8", 200],
    ["test.int8", "int8", -100],
    ["test.uint16", "uint16", 60000],
    ["test.int16", "int16", -30000],
    ["test.uint32", "uint32", 4_000_000_000],
    ["test.int32", "int32", -2_000_000_000],
    ["test.uint64", "uint64", 2 ** 40],
    ["test.int64", "int64", -(2 ** 40)],
    ["test.float32", "float32", Math.fround(0.1)],
    ["test.float64", "float64", 0.1],
    ["test.bool", "bool", true],
    ["test.string", "string", "Grüße, 世界 🚀"],
    ["test.strings", "array", ["a", "", "ü"]],
    ["test.numbers", "array", [1, 2, 3]],
  ]);
});

Deno.test("GgufFile.read() gives every type bit for bit as PyPI gguf does", async () => {
  using file = await openGguf(QUANTS);
  for (const type of READABLE_GGML_TYPES) {
    const { data, shape } = await file.read(type);
    const expected = await file.read(`${type}.expected`);
    assert.deepEqual(shape, [2, 512], type);
    assert.deepEqual(bitsOf(data), bitsOf(expected.data), type);
  }
});

function bitsOf(data: Float32Array): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}

Deno.test("openGguf() says in one line what is wrong with a file", async (t) => {
  const whole = await Deno.readFile(QUANTS);
  await using folder = await temporaryFolder();
  const path = `${folder.path}/broken.gguf`;
  const edited = (edit: (view: DataView, bytes: Uint8Array) => void): Uint8Array => {
    const bytes = whole.slice();
    edit(new DataView(bytes.buffer), bytes);
    return bytes;
  };
  const at = (text: string): number => {
    const bytes = new TextEncoder().encode(text);
    return whole.findIndex((_, i) => bytes.every((byte, j) => whole[i + j] === byte)) +
      bytes.length;
  };
  const cases: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
    "an empty file": [new Uint8Array(0), /cut off: the header does not end in its 0 bytes/],
    "another format": [new TextEncoder().encode("PK not GGUF at all"), /does not begin with GGUF/],
    "version 1": [edited((view) => view.setUint32(4, 1, true)), /version 1 .* convert/],
    "version 9": [edited((view) => view.setUint32(4, 9, true)), /version 9 is not known/],
    "big-endian": [edited((view) => view.setUint32(4, 3, false)), /big-endian/],
    "more keys than there are": [
      edited((view) => view.setBigUint64(16, 2n ** 60n, true)),
      /the count of keys is too large/,
    ],
    "a cut header": [whole.slice(0, 300), /cut off: the header/],
    "cut data": [whole.slice(0, -5000), /cut off: tensor ".*" ends at \d+, the file at \d+ bytes/],
    "bytes behind the end": [Uint8Array.from([...whole, ...new Array(64)]), /64 bytes follow/],
    "an unknown kind of value": [
      edited((view) => view.setUint32(at("test.int8"), 77, true)),
      /"test.int8" has the type 77/,
    ],
    "a text that is not UTF-8": [
      edited((_, bytes) => bytes[at("test.string") + 12] = 0xff),
      /"test.string" is not UTF-8/,
    ],
    "a truth value of 7": [
      edited((view) => view.setUint8(at("test.bool") + 4, 7)),
      /"test.bool" must be 0 or 1/,
    ],
    "a wrong offset": [
      edited((view) => view.setBigUint64(at("F16.expected") + 4 + 16 + 4, 64n, true)),
      /tensor "F16.expected" begins at 64 of the data, but the ones before it end at \d+/,
    ],
    "an unknown type": [
      edited((view) => view.setUint32(at("source.Q8_0") + 4 + 16, 99, true)),
      /tensor "source.Q8_0" has the type 99/,
    ],
    "a row that is no whole block": [
      edited((view) => view.setBigUint64(at("source.Q8_0") + 4, 33n, true)),
      /tensor "source.Q8_0" of Q8_0 cannot have the shape \[8,33\]/,
    ],
  };
  for (const [name, [bytes, message]] of Object.entries(cases)) {
    await t.step(name, async () => {
      await Deno.writeFile(path, bytes);
      await assert.rejects(openGguf(path), (error) => {
        assert.ok(error instanceof UserError, String(error));
        assert.match(error.message, message);
        assert.ok(error.message.includes(path));
        return true;
      });
    });
  }
});

Deno.test("GgufFile.read() names a type that is not supported and what to take instead", async () => {
  const bytes = await Deno.readFile(QUANTS);
  await using folder = await temporaryFolder();
  const path = `${folder.path}/unsupported.gguf`;
  const name = new TextEncoder().encode("source.Q4_0");
  const end = bytes.findIndex((_, i) => name.every((byte, j) => bytes[i + j] === byte)) + 11;
  // IQ4_NL has blocks like those of Q4_0
  new DataView(bytes.buffer).setUint32(end + 4 + 16, 20, true);
  await Deno.writeFile(path, bytes);
  using file = await openGguf(path);
  await assert.rejects(
    file.read("source.Q4_0"),
    /"source.Q4_0".*IQ4_NL is not supported; take a file of F32, F16, .*Q8_0/,
  );
});

Deno.test("openGguf() says that a file is not there", async () => {
  await assert.rejects(
    openGguf("/no/such.gguf"),
    /Cannot read "\/no\/such.gguf": there is no such/,
  );
});
