/**
 * The server under `deno serve`, which listens itself: what follows the module on its command line is that of `serve`.
 *
 * @module
 */

import type { Handler } from "../inference/create_server.ts";
import type { StartServer } from "./serve.ts";

/** What a module exports by default for `deno serve`, and how it runs as a program. */
export interface DenoServed {
  /** Answers a request. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Is told where `deno serve` listens. */
  readonly onListen: (address: Deno.Addr) => void;
  /**
   * Runs the module as a program, which returns the exit status: under `deno serve` that loads the models, else it is
   * `main`. Which of them it is, is known by whether `onListen` was called when the module has been evaluated.
   */
  readonly run: (args: readonly string[]) => Promise<number>;
}

/** Creates what a module exports whose program is `main`. */
export function createDenoServed(main: (args: readonly string[]) => Promise<number>): DenoServed {
  let address: Deno.Addr | undefined;
  let handler: Handler = () => {
    const error = {
      message: "The model is being loaded",
      type: "server_error",
      param: null,
      code: "loading",
    };
    return Response.json({ error }, { status: 503, headers: { "retry-after": "1" } });
  };
  return {
    fetch: (request) => handler(request),
    onListen: (given) => address = given,
    async run(args) {
      await new Promise((resolve) => setTimeout(resolve, 0)); // until the module has been evaluated
      if (address === undefined) return await main(args);
      return await serveBehind(args, { address, use: (opened) => handler = opened });
    },
  };
}

/**
 * Returns `served`, or `undefined` where another command than `deno serve` is known to run the module: Deno warns of such
 * an export then. Only on Linux can a process read its own command line.
 */
export function forDenoServe(served: DenoServed): DenoServed | undefined {
  if (Deno.build.os !== "linux") return served;
  try {
    const [, ...words] = Deno.readTextFileSync("/proc/self/cmdline").split("\0");
    return words.find((word) => !word.startsWith("-")) === "serve" ? served : undefined;
  } catch {
    return served; // hidden, or not allowed
  }
}

interface BehindOptions {
  readonly address: Deno.Addr;
  readonly use: (handler: Handler) => void;
}

async function serveBehind(
  args: readonly string[],
  { address, use }: BehindOptions,
): Promise<number> {
  const { createPlainProgram } = await import("./program.ts");
  const { EXIT, InterruptedError, reportError } = await import("./exit_status.ts");
  const { openServer } = await import("../inference/serve.ts");
  const { urlHost } = await import("../inference/listen.ts");
  const { untilStopped } = await import("./interrupt.ts");
  const { registerServe } = await import("./serve.ts");
  const start: StartServer = async (options, describe) => {
    const { hostname = "localhost", port } = address as Partial<Deno.NetAddr>;
    await using server = await openServer({ ...options, host: hostname });
    use(server.handler);
    describe(server.models, `http://${urlHost(hostname)}:${port}`);
    if (await untilStopped() === "SIGINT") throw new InterruptedError();
  };
  try {
    const program = createPlainProgram("deno serve server.ts");
    registerServe(program, start);
    await program.parseAsync(["serve", ...args], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    return reportError(error);
  }
}
