/**
 * Giving memory back to the system once something large is done with.
 *
 * @module
 */

import { collectGarbage } from "./collect_garbage.ts";

/**
 * Frees what nobody holds any more, and gives the system what the C library keeps of it for later: that can be more
 * than a small model takes. Without glibc, or the permission to call it, only the first is done.
 */
export function returnMemory(): void {
  collectGarbage();
  if (Deno.build.os !== "linux") return;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return;
  try {
    using glibc = openGlibc();
    glibc.symbols.malloc_trim(0n);
  } catch {
    // another C library
  }
}

function openGlibc() {
  const library = Deno.dlopen("libc.so.6", {
    malloc_trim: { parameters: ["usize"], result: "i32" },
  });
  return Object.assign(library, { [Symbol.dispose]: () => library.close() });
}
