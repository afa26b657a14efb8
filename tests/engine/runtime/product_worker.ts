/**
 * A worker that computes a product on the device it is told.
 *
 * @module
 */

import { openSession } from "../../../src/engine/runtime/open_session.ts";
import type { Device } from "../../../src/engine/runtime/session.ts";
import { floats, productModel } from "./models.ts";

/** What a module worker has. */
declare const self: {
  onmessage: ((event: MessageEvent<Device>) => void) | null;
  postMessage(message: unknown): void;
};

self.onmessage = async ({ data: device }) => {
  await using session = await openSession(productModel(), { device, threads: 2 });
  const { product } = await session.run({
    a: floats([1, 2], [1, 2]),
    b: floats([2, 1], [3, 4]),
  });
  self.postMessage(product);
};
