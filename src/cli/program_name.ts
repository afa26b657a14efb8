/**
 * The name the program was called by.
 *
 * @module
 */

/** The program's own name. */
export const PROGRAM_NAME = "llm-training";

/**
 * Returns the name that a compiled executable was called by, which may be that of a link to it; without
 * compilation, {@linkcode PROGRAM_NAME}.
 */
export function programName(): string {
  if (!Deno.build.standalone) return PROGRAM_NAME;
  return basename(calledAs()).replace(/\.exe$/i, "");
}

/** `Deno.execPath()` follows links on Linux; `process.argv0` does not but costs 15 ms of start-up. */
function calledAs(): string {
  if (Deno.build.os === "linux") {
    try {
      const [path] = Deno.readTextFileSync("/proc/self/cmdline").split("\0");
      if (path !== undefined && path !== "") return path;
    } catch {
      // /proc may be hidden: the file's own name has to do
    }
  }
  return Deno.execPath();
}

function basename(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
