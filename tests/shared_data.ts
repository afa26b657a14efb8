/**
 * Finds the data that lies beside the project where it is developed: trained models, golden numbers, data sets.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Returns the path of `name` in the shared data, or `undefined` where it is absent. */
export function sharedData(name: string): string | undefined {
  const path = fileURLToPath(new URL(`../../shared/data/${name}`, import.meta.url));
  return existsSync(path) ? path : undefined;
}

/** Options of {@linkcode testWithData}. */
export interface TestWithDataOptions {
  /** Name of the file or folder in the shared data. */
  readonly data: string;
}

/** Registers a test that needs shared data; without it the test is skipped and its name says so. */
export function testWithData(
  name: string,
  options: TestWithDataOptions,
  fn: (path: string) => void | Promise<void>,
): void {
  const path = sharedData(options.data);
  if (path === undefined) {
    Deno.test({
      name: `${name} (skipped: no shared data "${options.data}")`,
      ignore: true,
      fn() {},
    });
  } else {
    Deno.test(name, () => fn(path));
  }
}
