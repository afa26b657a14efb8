/**
 * Two folders that change places at one moment.
 *
 * @module
 */

const AT_CURRENT_FOLDER = -100;
const RENAME_EXCHANGE = 2;

/**
 * Exchanges the folders `a` and `b`, which must be on one disk, and returns whether that was done: other systems than
 * Linux, and some of its file systems, cannot.
 */
export function exchangeFolders(a: string, b: string): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    const library = Deno.dlopen("libc.so.6", {
      renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
    });
    try {
      return library.symbols.renameat2(
        AT_CURRENT_FOLDER,
        zeroEnded(a),
        AT_CURRENT_FOLDER,
        zeroEnded(b),
        RENAME_EXCHANGE,
      ) === 0;
    } finally {
      library.close();
    }
  } catch {
    return false; // a C library of another name, or one that is too old
  }
}

function zeroEnded(path: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${path}\0`);
}
