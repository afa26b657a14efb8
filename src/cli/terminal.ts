/**
 * The only writer to standard output and standard error.
 *
 * @module
 */

/** Exit status of a program whose reader has gone away, as a shell reports SIGPIPE. */
const EXIT_BROKEN_PIPE = 141;

/** Writes `text` to standard output, as it is. */
export function write(text: string): void {
  writeAll(Deno.stdout, text);
}

/** Writes `line` and a line break to standard output. */
export function print(line: string): void {
  writeAll(Deno.stdout, `${line}\n`);
}

/** Writes `text` to standard error, as it is. */
export function writeError(text: string): void {
  writeAll(Deno.stderr, text);
}

/** Writes `line` and a line break to standard error. */
export function printError(line: string): void {
  writeAll(Deno.stderr, `${line}\n`);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    Deno.exit(EXIT_BROKEN_PIPE);
  }
}
