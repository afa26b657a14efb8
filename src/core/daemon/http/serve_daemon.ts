/**
 * Listens for commands, and for the API of fine-tuning.
 *
 * @module
 */

import { createAccess } from "../../../inference/http/access.ts";
import { requireHost } from "../../../inference/http/guards.ts";
import { type KeyRing, openKeyRing } from "../../../inference/keys/key_ring.ts";
import {
  isLoopback,
  listen,
  LOCAL_NAMES,
  refuseOpenHost,
  urlHost,
} from "../../../inference/listen.ts";
import { writeFileAtomic } from "../../../utils/atomic_file.ts";
import type { DaemonContext } from "../context.ts";
import { openFileTable } from "../file_table.ts";
import { keyPath } from "../status.ts";
import type { ApiContext } from "./api_context.ts";
import { createApp, type Handler } from "./app.ts";
import { addControlRoutes, type ControlService } from "./control_routes.ts";
import { addFileRoutes } from "./file_routes.ts";
import { addJobRoutes } from "./job_routes.ts";

/** Options of {@linkcode serveDaemon}. */
export interface ServeDaemonOptions {
  /** What the daemon works with. */
  readonly context: Omit<DaemonContext, "persist">;
  /** The home folder. */
  readonly home: string;
  /** The environment, by which models are found. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What commands do. */
  readonly service: ControlService;
  /** Tells the daemon that there may be something to do. */
  readonly wake: () => void;
  /** A key that clients of the API may send, besides those in the home's file of keys. */
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
 * @throws {UserError} If a port cannot be had, or other machines could use the API without a key.
 */
export async function serveDaemon(options: ServeDaemonOptions): Promise<DaemonServer> {
  const { context, service, onError } = options;
  await using opened = new AsyncDisposableStack();
  const key = `${crypto.randomUUID()}${crypto.randomUUID()}`.replaceAll("-", "");
  await writeKey(keyPath(context.paths), key);
  const control = createApp({
    addRoutes: (app) => {
      app.use(requireHost(LOCAL_NAMES));
      addControlRoutes(app, { service, key });
    },
    onError,
  });
  const server = listen({ host: LOCAL, port: 0 }, control);
  opened.defer(() => shutDown(server));
  const apiUrl = await serveApi(options, opened);
  const kept = opened.move();
  return {
    url: `http://${LOCAL}:${server.addr.port}`,
    apiUrl,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function serveApi(
  options: ServeDaemonOptions,
  opened: AsyncDisposableStack,
): Promise<string | null> {
  const { context, apiKey, allowWithoutKey } = options;
  const { host, port } = context.settings;
  if (port === null) return null;
  const keys = await openKeyRing({ apiKey, keysFile: context.paths.keys });
  if (!allowWithoutKey) refuseOpenHost(host, { hasKeys: keys !== undefined, what: "the API" });
  const files = opened.use(openFileTable(context.paths.state, { clock: context.clock }));
  const server = listen({ host, port }, createApiHandler({ ...options, keys, files }));
  opened.defer(() => shutDown(server));
  return `http://${urlHost(host)}:${server.addr.port}`;
}

/** Builds the handler of the API; nothing listens until it is given to `Deno.serve`. */
export function createApiHandler(
  options: Pick<ServeDaemonOptions, "context" | "home" | "env" | "wake" | "onError"> & {
    /** The keys of clients; without them nobody need send one. */
    readonly keys: KeyRing | undefined;
    readonly files: ApiContext["files"];
  },
): Handler {
  const { context, home, env, wake, keys, onError, files } = options;
  const { host } = context.settings;
  const api: ApiContext = {
    ...context,
    files,
    // names lead into the home's folders alone, and nothing is downloaded for a client
    models: { flag: home, env, cwd: context.paths.models },
    wake,
  };
  return createApp({
    addRoutes: (app) => {
      if (keys !== undefined) {
        app.use("/v1/*", createAccess({ keys, clock: context.clock }).require("read"));
      } else if (isLoopback(host)) app.use(requireHost([...LOCAL_NAMES, urlHost(host)]));
      app.get("/health", (c) => c.json({ status: "ok" }));
      addFileRoutes(app, api);
      addJobRoutes(app, api);
    },
    onError,
  });
}

/** How long requests that are being answered may go on. */
const SHUTDOWN_MS = 5000;

/** Lets what is being answered come to its end, but waits for no client that hangs. */
async function shutDown(server: Deno.HttpServer): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, SHUTDOWN_MS);
  await Promise.race([server.shutdown(), late.promise]);
  clearTimeout(timer);
}

async function writeKey(path: string, key: string): Promise<void> {
  await writeFileAtomic(path, `${key}\n`);
  if (Deno.build.os !== "windows") await Deno.chmod(path, 0o600);
}
