import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { toFloat32 } from "../../../src/engine/tensor/convert.ts";
import { openSafetensors } from "../../../src/engine/tensor/safetensors.ts";
import { safetensorsContent } from "../../../src/engine/tensor/safetensors_writer.ts";
import { type Tensor, tensor } from "../../../src/engine/tensor/tensor.ts";
import { UserError } from "../../../src/utils/errors.ts";
import { writeFileAtomic } from "../../../src/utils/atomic_file.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

/** Written by Hugging Face's library; the script is beside it. */
const FIXTURE = new URL("../../fixtures/safetensors/every_dtype.safetensors", import.meta.url);

const VALUES = [-2.5, 0, 1, 3.140625, 65504, -1e-4];
const CONTENT: Readonly<Record<string, Tensor>> = {
  "weight.f64": tensor("float64", [2, 3], Float64Array.from(VALUES)),
  "weight.f32": tensor("float32", [3, 2], Float32Array.from(VALUES)),
  "weight.f16": tensor("float16", [6], Uint16Array.of(0xc100, 0, 0x3c00, 0x4248, 0x7bff, 0x868e)),
  "weight.bf16": tensor(
    "bfloat16",
    [1, 2, 3],
    Uint16Array.of(0xc020, 0, 0x3f80, 0x4049, 0x4780, 0xb8d2),
  ),
  "count.i64": tensor("int64", [3], BigInt64Array.of(-(2n ** 40n), 0n, 7n)),
  "count.i32": tensor("int32", [], Int32Array.of(-9)),
  "count.i8": tensor("int8", [2], Int8Array.of(-128, 127)),
  "count.u8": tensor("uint8", [3], Uint8Array.of(0, 255, 3)),
  "mask": tensor("bool", [3], Uint8Array.of(1, 0, 1)),
  "empty": tensor("float32", [0, 4], new Float32Array()),
};

Deno.test("openSafetensors() reads every dtype that Hugging Face's library writes", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.safetensors");
  await Deno.writeFile(path, readFileSync(FIXTURE));
  using file = await openSafetensors(path);
  assert.deepEqual(file.metadata, { format: "pt" });
  const names = Object.keys(CONTENT);
  assert.deepEqual([...file.entries.keys()].sort(), names.toSorted());
  const tensors = await Promise.all(names.map((name) => file.read(name)));
  assert.deepEqual(Object.fromEntries(names.map((name, i) => [name, tensors[i]])), CONTENT);
  await assert.rejects(file.read("lm_head"), {
    name: "UserError",
    message: `Cannot read tensor "lm_head": "${path}" has no tensor of that name`,
  });
});

Deno.test("safetensorsContent() writes the same bytes as Hugging Face's library", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.safetensors");
  await writeFileAtomic(path, safetensorsContent(Object.entries(CONTENT)));
  assert.deepEqual(await Deno.readFile(path), new Uint8Array(readFileSync(FIXTURE)));
});

Deno.test("safetensorsContent() fetches remote tensors one after the other", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.safetensors");
  const events: string[] = [];
  const remote = (name: string, value: number) =>
    [name, {
      dtype: "float32",
      shape: [1],
      download() {
        events.push(name);
        return Promise.resolve(tensor("float32", [1], Float32Array.of(value)));
      },
    }] as const;
  const content = safetensorsContent([remote("b", 2), remote("a", 1)]);
  assert.deepEqual(events, []);
  await writeFileAtomic(path, content);
  assert.deepEqual(events, ["a", "b"]);
  using file = await openSafetensors(path);
  assert.deepEqual((await file.read("b")).data, Float32Array.of(2));
});

Deno.test("safetensorsContent() refuses two tensors of one name", () => {
  const one = tensor("float32", [1], Float32Array.of(1));
  assert.throws(() => safetensorsContent([["a", one], ["a", one]]), /name "a"/);
});

Deno.test("toFloat32() widens floating-point dtypes and refuses integers", () => {
  assert.deepEqual(toFloat32(CONTENT["weight.f16"]!).data[3], 3.140625);
  assert.deepEqual(toFloat32(CONTENT["weight.bf16"]!).data[4], 65536);
  assert.deepEqual([...toFloat32(CONTENT["weight.f64"]!).data.subarray(0, 5)], VALUES.slice(0, 5));
  assert.equal(toFloat32(CONTENT["weight.f32"]!).data, CONTENT["weight.f32"]!.data);
  assert.throws(() => toFloat32(CONTENT["count.i32"]!), /int32 as floating-point/);
});

const entry = (begin: number, end: number, more: Record<string, unknown> = {}) => ({
  dtype: "F32",
  shape: [(end - begin) / 4],
  data_offsets: [begin, end],
  ...more,
});

/** Files that are wrong: header, bytes of data after it, what is said. */
const BROKEN: Readonly<Record<string, readonly [unknown, number, RegExp]>> = {
  "data that is cut off": [{ a: entry(0, 8) }, 7, /it is cut off: tensor "a" ends at/],
  "data after the last tensor": [{ a: entry(0, 8) }, 9, /1 bytes follow the last tensor/],
  "overlapping tensors": [{ a: entry(0, 8), b: entry(4, 12) }, 12, /"b" overlaps/],
  "a gap": [{ a: entry(0, 4), b: entry(8, 12) }, 12, /a gap before tensor "b"/],
  "a wrong length": [{ a: entry(0, 8, { shape: [3] }) }, 8, /"a" of F32 \[3\] needs 12 bytes/],
  "an unknown dtype": [{ a: entry(0, 8, { dtype: "F8_E4M3" }) }, 8, /"a" has dtype "F8_E4M3"/],
  "offsets backwards": [{ a: entry(8, 0) }, 8, /tensor a" as "shape\[0\]" must be/],
  "one offset": [{ a: entry(0, 8, { data_offsets: [0] }) }, 8, /data_offsets are \[0\]/],
  "a huge shape": [{ a: entry(0, 8, { shape: [2 ** 40, 2 ** 40] }) }, 8, /needs 4.*e\+24 bytes/],
  "no shape": [{ a: { dtype: "F32", data_offsets: [0, 8] } }, 8, /"shape" must be an array/],
  "an unknown key": [{ a: entry(0, 8, { stride: 1 }) }, 8, /"stride" is not known/],
  "metadata that is not text": [{ __metadata__: { step: 1 } }, 0, /"step" must be a string/],
  "a header that is no object": [[], 0, /must be an object/],
  "a header that is not JSON": ["raw:{", 0, /its header is not JSON/],
};

for (const [name, [header, dataBytes, message]] of Object.entries(BROKEN)) {
  Deno.test(`openSafetensors() refuses ${name}`, async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "a.safetensors");
    const text = typeof header === "string" ? header.slice(4) : JSON.stringify(header);
    const json = new TextEncoder().encode(text);
    const bytes = new Uint8Array(8 + json.length + dataBytes);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
    bytes.set(json, 8);
    await Deno.writeFile(path, bytes);
    await assert.rejects(openSafetensors(path), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      assert.ok(error.message.includes(path), error.message);
      return true;
    });
  });
}

Deno.test("openSafetensors() refuses a file cut off anywhere", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.safetensors");
  const whole = new Uint8Array(readFileSync(FIXTURE));
  for (let length = 0; length < whole.length; length += 7) {
    await Deno.writeFile(path, whole.subarray(0, length));
    await assert.rejects(openSafetensors(path), UserError, `cut at ${length}`);
  }
});

Deno.test("openSafetensors() refuses other formats, folders and missing files", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.safetensors");
  await Deno.writeTextFile(path, "PK\u0003\u0004 something else entirely");
  await assert.rejects(openSafetensors(path), /so this is another format/);
  await assert.rejects(openSafetensors(join(folder.path, "b")), /no such file/);
  await assert.rejects(openSafetensors(folder.path), UserError);
});
