/**
 * Listening on an address, and who may reach it.
 *
 * @module
 */

import { messageOf, UserError } from "../utils/errors.ts";

/** Where to listen. */
export interface Address {
  /** A name or an address. */
  readonly host: string;
  /** The port; 0 takes a free one. */
  readonly port: number;
}

/** The names by which a machine calls itself. */
export const LOCAL_NAMES: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

/** Whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** Returns `host` as URLs write it. */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/**
 * Refuses to listen without a key where other machines can reach it.
 *
 * @throws {UserError} If they can, and there is none.
 */
export function refuseOpenHost(
  host: string,
  { hasKeys, what }: { readonly hasKeys: boolean; readonly what: string },
): void {
  if (hasKeys || isLoopback(host)) return;
  throw new UserError(
    `Cannot serve on "${host}" without an API key, as other machines could use ${what}: make one with ` +
      "llm-training keys create, give --api-key, or --insecure-no-api-key if that is meant",
  );
}

/** Reasons for which an address cannot be had, and what to do, by the operating system's code. */
const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there; choose another --port",
  EADDRNOTAVAIL: "this machine does not have that address; choose another --host",
  EACCES: "ports below 1024 need more rights; choose another --port",
};

/**
 * Gives the requests that come to an address to `handler`.
 *
 * @throws {UserError} If the address cannot be had.
 */
export function listen(
  { host, port }: Address,
  handler: (request: Request) => Response | Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: host, port, onListen: () => {} }, handler);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const reason = LISTEN_FAILURES[code] ?? messageOf(error);
    throw new UserError(`Cannot listen on ${urlHost(host)}:${port}: ${reason}`, { cause: error });
  }
}
