/**
 * Checks of what a run is given, alike on every device.
 *
 * @module
 */

import { elementCount, type Tensor } from "../tensor/tensor.ts";
import type { Feed, RunOptions, Session } from "./session.ts";

/**
 * Returns the names of the outputs that a run is to compute.
 *
 * @throws {TypeError} If a feed is missing, a feed is not an input, or a wanted output does not exist.
 */
export function checkRun(
  { inputNames, outputNames }: Pick<Session, "inputNames" | "outputNames">,
  feeds: Readonly<Record<string, Feed>>,
  { outputs = outputNames, into = {} }: RunOptions,
): readonly string[] {
  const missing = inputNames.filter((name) => feeds[name] === undefined);
  if (missing.length > 0) {
    throw new TypeError(`Cannot run model: no feed for input ${list(missing)}`);
  }
  const known = new Set(inputNames);
  const unknown = Object.keys(feeds).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new TypeError(
      `Cannot run model: ${list(unknown)} is not an input; its inputs are ${list(inputNames)}`,
    );
  }
  const computable = new Set(outputNames);
  const absent = outputs.filter((name) => !computable.has(name));
  if (absent.length > 0) {
    throw new TypeError(
      `Cannot run model: ${list(absent)} is not an output; its outputs are ${list(outputNames)}`,
    );
  }
  const wanted = new Set(outputs);
  const unwanted = Object.keys(into).filter((name) => !wanted.has(name));
  if (unwanted.length > 0) {
    throw new TypeError(`Cannot write into ${list(unwanted)}: the run does not compute it`);
  }
  return outputs;
}

/**
 * Returns `feed` as a host tensor.
 *
 * @throws {TypeError} If it is in a device's memory.
 */
export function requireHost(name: string, feed: Feed): Tensor {
  if ("location" in feed) {
    throw new TypeError(`Cannot feed input "${name}": its tensor is in another device's memory`);
  }
  return feed;
}

/**
 * Copies the elements of `result` into `target`.
 *
 * @throws {RangeError} If they differ in dtype or shape.
 */
export function copyInto(name: string, result: Tensor, target: Tensor): Tensor {
  if (result.dtype !== target.dtype || `${result.shape}` !== `${target.shape}`) {
    throw new RangeError(
      `Cannot write output "${name}": it is ${result.dtype} [${result.shape}], the tensor to write into ` +
        `${target.dtype} [${target.shape}]`,
    );
  }
  const bytes = (tensor: Tensor) =>
    new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  bytes(target).set(bytes(result));
  return target;
}

/**
 * Returns `tensor` unchanged.
 *
 * @throws {RangeError} If its data has not as many elements as its shape.
 */
export function checkExtent(name: string, tensor: Tensor): Tensor {
  if (tensor.data.length !== elementCount(tensor.shape)) {
    throw new RangeError(
      `Cannot run model: "${name}" has ${tensor.data.length} elements, its shape [${tensor.shape}] says ` +
        `${elementCount(tensor.shape)}`,
    );
  }
  return tensor;
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
