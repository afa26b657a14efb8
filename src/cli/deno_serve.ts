/**
 * `deno serve server.ts`: Deno listens, and `serve` answers.
 *
 * @module
 */

import type { Handler } from "../inference/create_server.ts";
import type { RequestSource } from "./serve.ts";

/**
 * Returns what `server.ts` has to export where `deno serve` has started it, `undefined` elsewhere. Deno has no other way
 * to tell than the process's command line, which only Linux lets everybody read; elsewhere `server.ts` listens itself.
 */
export function denoServeExport(): Deno.ServeDefaultExport | undefined {
  if (!isDenoServe()) return undefined;
  const pending = Promise.withResolvers<Handler>();
  let handler: Handler = async (request) => await (await pending.promise)(request);
  const take: RequestSource["listen"] = ({ port }, given) => {
    handler = given;
    pending.resolve(given);
    return { addr: { port }, shutdown: () => Promise.resolve() };
  };
  return {
    fetch: (request) => handler(request),
    onListen(address) {
      if (address.transport !== "tcp") throw new TypeError("Cannot serve: listen on a TCP port");
      const { hostname: host, port } = address;
      runServe({ address: { host, port }, listen: take }).then(Deno.exit);
    },
  };
}

function isDenoServe(): boolean {
  if (Deno.build.os !== "linux" || Deno.build.standalone) return false;
  try {
    const [, ...words] = Deno.readTextFileSync("/proc/self/cmdline").split("\0");
    return words.find((word) => !word.startsWith("-")) === "serve";
  } catch {
    return false; // hidden, or not allowed
  }
}

/** Runs the command `serve` with the arguments of this program. */
async function runServe(source: RequestSource): Promise<number> {
  const { EXIT, reportError } = await import("./exit_status.ts");
  try {
    const { emptyProgram } = await import("./program.ts");
    const { registerServe } = await import("./serve.ts");
    const program = emptyProgram("deno");
    registerServe(program, source);
    await program.parseAsync(["serve", ...Deno.args], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    return reportError(error);
  }
}
