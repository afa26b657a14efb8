/**
 * Giving memory back before more is taken.
 *
 * @module
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Frees what nobody holds any more. By itself V8 does so when its own heap fills up, and what lies outside it, such as
 * the arrays that weights were read into, may be there for long. Where V8 does not offer it nothing happens.
 */
export function collectGarbage(): void {
  collector.run ??= findCollector();
  collector.run();
}

const collector: { run?: () => void } = {};

function findCollector(): () => void {
  try {
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    return typeof collect === "function" ? () => collect() : () => {};
  } catch {
    return () => {};
  }
}
