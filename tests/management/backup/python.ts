/**
 * A Python that tests ask for what the program does not do itself.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** The Python that tests use. */
export const PYTHON = Deno.env.get("LLM_TRAINING_PYTHON") ?? "python3";

/** Which of `modules` the Python lacks, in words for a test's name; empty if none. */
export function lackOf(modules: readonly string[]): string {
  const missing = modules.filter((name) => !canImport(name));
  return missing.length === 0 ? "" : ` (skipped: ${PYTHON} does not import ${missing.join(", ")})`;
}

/** Returns the path of a script beside this file. */
export function scriptPath(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

/** A server of S3 in memory. */
export interface S3Server extends AsyncDisposable {
  /** Its URL. */
  readonly url: string;
}

/** Starts the server of `moto` on a free port. */
export async function startS3(): Promise<S3Server> {
  const child = new Deno.Command(PYTHON, {
    args: [scriptPath("moto_server.py")],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const port = Number(new TextDecoder().decode(value));
  if (!(port > 0)) throw new Error("moto has not started");
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await reader.cancel();
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

function canImport(name: string): boolean {
  try {
    return new Deno.Command(PYTHON, { args: ["-c", `import ${name}`] }).outputSync().success;
  } catch {
    return false;
  }
}
