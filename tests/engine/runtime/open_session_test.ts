import assert from "node:assert/strict";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import type { Feed } from "../../../src/engine/runtime/session.ts";
import { DTYPE_ARRAYS, type Tensor, tensor, zeros } from "../../../src/engine/tensor/tensor.ts";
import { UserError } from "../../../src/utils/errors.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import {
  expandModel,
  floats,
  identityModel,
  oneHotModel,
  productModel,
  unknownOperatorModel,
} from "./models.ts";

const threads = 2;

function host(feed: Feed | undefined): Tensor {
  assert.ok(feed !== undefined && !("location" in feed), "a host tensor");
  return feed;
}

function elements(feed: Feed | undefined): number[] {
  return Array.from(host(feed).data as Float32Array);
}

const a = floats([2, 3], [1, 2, 3, 4, 5, 6]);
const b = floats([3, 2], [1, 0, 0, 1, 2, 2]);
const product = [7, 8, 16, 17]; // by hand

for (const device of AVAILABLE_DEVICES) {
  Deno.test(`openSession() on ${device} computes a product`, async () => {
    await using session = await openSession(productModel(), { device, threads });
    assert.equal(session.device, device);
    assert.deepEqual(session.inputNames, ["a", "b"]);
    assert.deepEqual(session.outputNames, ["product", "shifted"]);
    const outputs = await session.run({ a, b });
    assert.deepEqual(host(outputs.product).shape, [2, 2]);
    assert.deepEqual(elements(outputs.product), product);
    assert.deepEqual(elements(outputs.shifted), product.map((x) => x + 1));
  });

  Deno.test(`Session.run() on ${device} computes only the outputs asked for`, async () => {
    await using session = await openSession(productModel(), { device, threads });
    const outputs = await session.run({ a, b }, { outputs: ["shifted"] });
    assert.deepEqual(Object.keys(outputs), ["shifted"]);
  });

  Deno.test(`Session.run() on ${device} takes new shapes from run to run`, async () => {
    await using session = await openSession(productModel(), { device, threads });
    await session.run({ a, b });
    const outputs = await session.run({ a: floats([1, 1], [3]), b: floats([1, 1], [5]) });
    assert.deepEqual(elements(outputs.product), [15]);
  });

  Deno.test(`Session.run() on ${device} names what is missing, unknown or of the wrong size`, async () => {
    await using session = await openSession(productModel(), { device, threads });
    await assert.rejects(session.run({ a }), { name: "TypeError", message: /"b"/ });
    await assert.rejects(session.run({ a, b, c: a }), { name: "TypeError", message: /"c"/ });
    await assert.rejects(session.run({ a, b }, { outputs: ["z"] }), {
      name: "TypeError",
      message: /"z"/,
    });
    await assert.rejects(session.run({ a, b: { ...b, shape: [3, 3] } }), {
      name: "RangeError",
      message: /"b" has 6 elements/,
    });
    await assert.rejects(session.run({ a, b: a }), /Cannot run model/);
    assert.deepEqual(elements((await session.run({ a, b })).product), product, "still works");
  });

  Deno.test(`Session.run() on ${device} queues runs that are started together`, async () => {
    await using session = await openSession(productModel(), { device, threads });
    await using other = await openSession(productModel(), { device, threads });
    const runs = Array.from({ length: 12 }, (_, i) => {
      const scaled = floats([2, 3], Array.from(a.data, (x) => x * i));
      return (i % 2 === 0 ? session : other).run({ a: scaled, b });
    });
    const results = await Promise.all(runs);
    for (const [i, outputs] of results.entries()) {
      assert.deepEqual(elements(outputs.product), product.map((x) => x * i));
    }
  });

  Deno.test(`Session.run() on ${device} lets timers run between runs`, async () => {
    await using session = await openSession(productModel(), { device, threads });
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    // A busy machine may need long for it, but a thread that is never free would need forever.
    for (const start = performance.now(); turns <= 5 && performance.now() - start < 10_000;) {
      await session.run({ a, b });
    }
    clearInterval(timer);
    assert.ok(turns > 5, `${turns} turns`);
  });

  Deno.test(`Session.run() on ${device} writes into the tensors given`, async () => {
    await using session = await openSession(productModel(), { device, threads });
    const whole = new Float32Array(10);
    const target = tensor("float32", [2, 2], whole.subarray(3, 7));
    const outputs = await session.run({ a, b }, { into: { product: target } });
    assert.equal(outputs.product, target);
    assert.deepEqual([...whole], [0, 0, 0, ...product, 0, 0, 0]);
    assert.deepEqual(elements(outputs.shifted), product.map((x) => x + 1));
    await assert.rejects(
      session.run({ a, b }, { into: { product: zeros("float32", [4, 1]) } }),
      /product/,
    );
    await assert.rejects(
      session.run({ a, b }, { outputs: ["shifted"], into: { product: target } }),
      /"product"/,
    );
  });

  Deno.test(`Session.run() on ${device} writes into some tensors and returns the others`, async () => {
    await using session = await openSession(productModel(), { device, threads });
    const shifted = product.map((x) => x + 1);
    for (const names of [["shifted"], ["product", "shifted"], ["product"]]) {
      const into = Object.fromEntries(names.map((name) => [name, zeros("float32", [2, 2])]));
      const outputs = await session.run({ a, b }, { into });
      for (const name of names) assert.equal(outputs[name], into[name]);
      assert.deepEqual([outputs.product, outputs.shifted].map(elements), [product, shifted]);
    }
    const only = await session.run({ a, b }, { into: { shifted: zeros("float32", [2, 2]) } });
    assert.deepEqual(Object.keys(only), ["product", "shifted"]);
  });

  Deno.test(`Session.run() on ${device} reads and writes shared memory`, async () => {
    await using session = await openSession(productModel(), { device, threads });
    const shared = new Float32Array(new SharedArrayBuffer(4 * 16));
    shared.set(a.data, 2);
    const feed = tensor("float32", [2, 3], shared.subarray(2, 8));
    const target = tensor("float32", [2, 2], shared.subarray(9, 13));
    for (let run = 0; run < 3; run++) {
      target.data.fill(0);
      await session.run({ a: feed, b }, { into: { product: target } });
      assert.deepEqual([...target.data], product);
    }
    shared[2] = 2;
    await session.run({ a: feed, b }, { into: { product: target } });
    assert.equal(target.data[0], 8);
  });

  Deno.test(`Session.run() on ${device} fails after the session is closed`, async () => {
    const session = await openSession(productModel(), { device, threads });
    await session[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
    await assert.rejects(session.run({ a, b }), /session is closed/);
  });

  Deno.test(`openSession() on ${device} names an operator that does not exist`, async () => {
    await assert.rejects(openSession(unknownOperatorModel(), { device, threads }), (error) => {
      assert.ok(error instanceof Error && error.cause !== undefined);
      assert.match(error.message, new RegExp(`^Cannot open model on ${device}: .*Frobnicate`));
      return true;
    });
  });

  Deno.test(`openSession() on ${device} refuses what is no model`, async () => {
    await assert.rejects(
      openSession(Uint8Array.of(1, 2, 3), { device, threads }),
      new RegExp(`^Error: Cannot open model on ${device}: [^\n]*$`),
    );
  });
}

const tooManyElements = { native: 2 ** 48, wasm: 2 ** 30 - 1024 } as const;

for (const device of ["native", "wasm"] as const) {
  Deno.test(`Session.run() on ${device} carries every dtype`, async () => {
    for (
      const dtype of [
        "float32",
        "float16",
        "float64",
        "int64",
        "int32",
        "int8",
        "uint8",
        "bool",
      ] as const
    ) {
      await using session = await openSession(identityModel(dtype), { device, threads });
      const data = new DTYPE_ARRAYS[dtype](3);
      data[1] = data instanceof BigInt64Array ? 1n : 1;
      const y = host((await session.run({ x: tensor(dtype, [3], data) })).y);
      assert.equal(y.dtype, dtype);
      assert.equal(y.data.constructor, data.constructor);
      assert.deepEqual([...y.data], [...data]);
    }
  });

  Deno.test(`Session.run() on ${device} says that memory is out, and goes on`, async () => {
    await using session = await openSession(expandModel(), { device, threads });
    const x = floats([1], [1]);
    const size = (n: number) => tensor("int64", [1], BigInt64Array.of(BigInt(n)));
    await assert.rejects(session.run({ x, size: size(tooManyElements[device]) }), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, /out of memory/);
      return true;
    });
    assert.deepEqual(elements((await session.run({ x, size: size(2) })).y), [2, 2]);
  });
}

Deno.test("openSession() on wasm refuses a second number of threads", async () => {
  await assert.rejects(
    openSession(productModel(), { device: "wasm", threads: threads + 1 }),
    /share a pool of 2/,
  );
});

Deno.test("openSession() refuses a number of threads that is none", async () => {
  await assert.rejects(openSession(productModel(), { device: "native", threads: 0 }), RangeError);
});

const ignore = !AVAILABLE_DEVICES.includes("webgpu");

Deno.test(
  "openSession() on webgpu refuses operators that would fall back to the CPU",
  { ignore },
  async () => {
    const device = "webgpu";
    await assert.rejects(openSession(oneHotModel(), { device }), /forbidFallback/);
    await using session = await openSession(oneHotModel(), { device, forbidFallback: false });
    const outputs = await session.run({ x: tensor("int32", [2], Int32Array.of(1, 3)) });
    assert.deepEqual(elements(outputs.y), [0, 1, 0, 0, 0, 0, 0, 1]);
  },
);

Deno.test(
  "keepOnDevice keeps outputs in GPU memory, where later runs read them",
  { ignore },
  async () => {
    const device = "webgpu";
    const keepOnDevice = ["product"];
    await using session = await openSession(productModel(), { device, keepOnDevice });
    const first = (await session.run({ a, b })).product;
    assert.ok(first !== undefined && "location" in first);
    assert.deepEqual(first.shape, [2, 2]);
    assert.deepEqual([...(await first.download()).data], product);
    const identity = floats([2, 2], [1, 0, 0, 1]);
    const second = await session.run({ a: first, b: identity });
    assert.deepEqual(elements(second.shifted), product.map((x) => x + 1));
    await using other = await openSession(productModel(), { device });
    const third = await other.run({ a: first, b: identity });
    assert.deepEqual(elements(third.product), product, "another session reads it too");
    await using native = await openSession(productModel(), { device: "native", threads });
    await assert.rejects(native.run({ a: first, b: identity }), TypeError);
    first.dispose();
    first.dispose();
    assert.ok(second.product !== undefined && "location" in second.product);
    second.product.dispose();
  },
);

Deno.test("keepOnDevice refuses an output that does not exist", { ignore }, async () => {
  await assert.rejects(
    openSession(productModel(), { device: "webgpu", keepOnDevice: ["z"] }),
    { name: "TypeError", message: /"z"/ },
  );
});
