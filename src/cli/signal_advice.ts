/**
 * Advice of Deno's that does not concern people who run a server.
 *
 * @module
 */

/**
 * Deno tells whoever writes a server that the signals of requests also abort after an answer, which does no harm here,
 * and an executable cannot switch that off.
 */
export function muteSignalAdvice(): void {
  const { warn } = console;
  // deno-lint-ignore no-console -- Deno prints its advice through the console, so only there can it be left out
  console.warn = (...data: unknown[]) => {
    if (!String(data[0]).startsWith("Deno.serve: request.signal")) warn(...data);
  };
}
