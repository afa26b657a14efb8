import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openGguf } from "../../../../src/engine/tensor/gguf/gguf_file.ts";
import { ggufContent } from "../../../../src/engine/tensor/gguf/gguf_writer.ts";
import { ggufArray, ggufString } from "../../../../src/engine/tensor/gguf/metadata.ts";
import { QUANTIZE } from "../../../../src/engine/tensor/gguf/quantize.ts";
import { writeFileAtomic } from "../../../../src/utils/atomic_file.ts";
import { temporaryFolder } from "../../../temporary_folder.ts";

const QUANTS = fileURLToPath(new URL("../../../fixtures/gguf/quants.gguf", import.meta.url));

Deno.test("QUANTIZE makes the bytes that PyPI gguf makes", async () => {
  using file = await openGguf(QUANTS);
  const whole = await Deno.readFile(QUANTS);
  const { data } = await file.read("source");
  for (const type of ["F16", "Q8_0", "Q4_0"] as const) {
    const { offsetBytes, sizeBytes } = file.tensors.get(`source.${type}`)!;
    assert.deepEqual(
      QUANTIZE[type](data),
      whole.slice(offsetBytes, offsetBytes + sizeBytes),
      type,
    );
  }
});

Deno.test("ggufContent() writes what openGguf() reads", async () => {
  await using folder = await temporaryFolder();
  using original = await openGguf(QUANTS);
  const tensors = [...original.tensors].filter(([, { type }]) => type === "F32")
    .map(([name, { shape }]) => ({ name, type: "F32", shape } as const));
  const path = `${folder.path}/copy.gguf`;
  await writeFileAtomic(
    path,
    ggufContent({
      metadata: original.metadata,
      tensors,
      read: async ({ name }) => (await original.read(name)).data,
    }),
  );
  using copy = await openGguf(path);
  assert.equal(copy.version, 3);
  assert.deepEqual(copy.metadata, original.metadata);
  for (const { name, shape } of tensors) {
    const read = await copy.read(name);
    assert.deepEqual(read.shape, shape);
    assert.deepEqual(read.data, (await original.read(name)).data, name);
  }
});

Deno.test("ggufContent() refuses rows that are no whole blocks and a name that is there twice", () => {
  const read = () => Promise.resolve(new Float32Array(0));
  const metadata = new Map([["general.architecture", ggufString("test")]]);
  const a = { name: "a", type: "Q8_0", shape: [4, 40] } as const;
  assert.throws(() => ggufContent({ metadata, tensors: [a], read }), /"a" of \[4,40\] as Q8_0/);
  const b = { ...a, type: "F32" } as const;
  assert.throws(() => ggufContent({ metadata, tensors: [b, b], read }), /two tensors .* "a"/);
});

Deno.test("ggufContent() writes a header that is longer than what is read at first", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/long.gguf`;
  const tokens = Array.from({ length: 100_000 }, (_, i) => `token ${i} ${"x".repeat(i % 40)}`);
  const metadata = new Map([
    ["general.architecture", ggufString("test")],
    ["tokens", ggufArray("string", tokens)],
  ]);
  const read = () => Promise.reject(new Error("there are no tensors"));
  await writeFileAtomic(path, ggufContent({ metadata, tensors: [], read }));
  using file = await openGguf(path);
  assert.deepEqual(file.metadata, metadata);
});
