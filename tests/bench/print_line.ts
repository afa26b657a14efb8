/**
 * What benchmarks print: results for people, or JSON for the benchmark that started them.
 *
 * @module
 */

/** Writes a line to standard output. */
export function printLine(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
