/**
 * The heap that the sessions of `native` share.
 *
 * @module
 */

/** Parameters of glibc's `mallopt`. */
const TRIM_THRESHOLD = -1;
const MMAP_MAX = -4;
const NEVER = 2 ** 31 - 1;

const state = { done: false };

/**
 * Makes this process keep freed memory for what it allocates next. By default the C library gives large blocks back to
 * the system one by one, which then clears them anew for every run: a fifth of a training step. Elsewhere than on
 * Linux with glibc nothing happens.
 */
export function keepFreedMemory(): void {
  if (state.done || Deno.build.os !== "linux") return;
  state.done = true;
  try {
    const library = Deno.dlopen("libc.so.6", {
      mallopt: { parameters: ["i32", "i32"], result: "i32" },
    });
    library.symbols.mallopt(MMAP_MAX, 0);
    library.symbols.mallopt(TRIM_THRESHOLD, NEVER);
    library.close();
  } catch {
    // Another C library, or not allowed: runs are slower, nothing else
  }
}
