/**
 * Listens for commands, and for the API of fine-tuning.
 *
 * @module
 */

import { messageOf, UserError } from "../../../utils/errors.ts";
import { writeFileAtomic } from "../../../utils/atomic_file.ts";
import { requireHost } from "../../../inference/http/guards.ts";
import type { DaemonContext } from "../context.ts";
import { keyPath } from "../status.ts";
import { createApp, type Handler } from "./app.ts";
import { addControlRoutes, type ControlService } from "./control_routes.ts";

/** Options of {@linkcode serveDaemon}. */
export interface ServeDaemonOptions {
  /** What the daemon works with. */
  readonly context: Omit<DaemonContext, "persist">;
  /** What commands do. */
  readonly service: ControlService;
  /** Tells the daemon that there may be something to do. */
  readonly wake: () => void;
  /** The key that clients of the API must send. */
  readonly apiKey: string | undefined;
  /** Let other machines use the API without a key. */
  readonly allowWithoutKey: boolean;
  /** Is told of errors that are the daemon's fault. */
  readonly onError: (error: unknown) => void;
}

/** The daemon's servers. */
export interface DaemonServer extends AsyncDisposable {
  /** Where it takes commands. */
  readonly url: string;
  /** Where it serves the API; null where it does not. */
  readonly apiUrl: string | null;
}

const LOCAL = "127.0.0.1";

/**
 * Starts to listen: for commands on a port of this machine that the system chooses, with a key that is new each time.
 *
 * @throws {UserError} If a port cannot be had.
 */
export async function serveDaemon(options: ServeDaemonOptions): Promise<DaemonServer> {
  const { context, service, onError } = options;
  await using opened = new AsyncDisposableStack();
  const key = `${crypto.randomUUID()}${crypto.randomUUID()}`.replaceAll("-", "");
  await writeKey(keyPath(context.paths), key);
  const control = createApp({
    addRoutes: (app) => {
      app.use(requireHost([LOCAL, "localhost"]));
      addControlRoutes(app, { service, key });
    },
    onError,
  });
  const server = listen({ host: LOCAL, port: 0 }, control);
  opened.defer(() => server.shutdown());
  const url = `http://${LOCAL}:${server.addr.port}`;
  const kept = opened.move();
  return { url, apiUrl: null, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function writeKey(path: string, key: string): Promise<void> {
  await writeFileAtomic(path, `${key}\n`);
  if (Deno.build.os !== "windows") await Deno.chmod(path, 0o600);
}

function listen(
  { host, port }: { readonly host: string; readonly port: number },
  handler: Handler,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: host, port, onListen: () => {} }, handler);
  } catch (error) {
    throw new UserError(`Cannot listen on ${host}:${port}: ${messageOf(error)}`, { cause: error });
  }
}
