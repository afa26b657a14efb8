/**
 * A server of a few files, for as long as a host fetches them.
 *
 * @module
 */

import { messageOf, UserError } from "../../../utils/errors.ts";
import type { ShippedFile } from "../model_parts.ts";

/** Where to listen. */
export interface FileServerOptions {
  /** The host that is to reach it. */
  readonly url: string;
  /** The address that the host reaches; null takes that of this machine on the way to the host. */
  readonly hostname: string | null;
  /** The port; 0 takes a free one. */
  readonly port: number;
}

/** Files that can be fetched. */
export interface FileServer extends AsyncDisposable {
  /** Returns where a file is. */
  urlOf(path: string): string;
}

/**
 * Serves `files` under a path that nobody can guess.
 *
 * @throws {UserError} If the address cannot be listened on.
 */
export async function serveFiles(
  files: readonly ShippedFile[],
  options: FileServerOptions,
): Promise<FileServer> {
  const secret = crypto.getRandomValues(new Uint8Array(24)).toHex();
  const byPath = new Map(
    files.map((
      file,
    ) => [`/${secret}/${file.path.split("/").map(encodeURIComponent).join("/")}`, file]),
  );
  const hostname = options.hostname?.replace(/^\[|\]$/g, "") ?? await addressTowards(options.url);
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve(
      { hostname, port: options.port, onListen: () => {} },
      (request) => answer(request, byPath.get(new URL(request.url).pathname)),
    );
  } catch (error) {
    throw new UserError(
      `Cannot serve files to "${options.url}" at ${hostname}:${options.port}: ${
        messageOf(error)
      }; choose another address by --ship serve:<address>:<port>`,
      { cause: error },
    );
  }
  const at = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    urlOf: (path) => `http://${at}:${server.addr.port}/${secret}/${path}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** The address of this machine on the way to a host, which is the one that the host reaches it by. */
async function addressTowards(url: string): Promise<string> {
  const { hostname, port, protocol } = new URL(url);
  try {
    using connection = await Deno.connect({
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port) || (protocol === "https:" ? 443 : 80),
    });
    return (connection.localAddr as Deno.NetAddr).hostname;
  } catch (error) {
    throw new Error(`host at ${url} cannot be reached: ${messageOf(error)}`, { cause: error });
  }
}

async function answer(request: Request, file: ShippedFile | undefined): Promise<Response> {
  if (file === undefined) return new Response(null, { status: 404 });
  const headers = new Headers({
    "content-type": "application/octet-stream",
    "accept-ranges": "bytes",
    etag: `"${file.sha256}"`,
  });
  const [, start] = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "") ?? [];
  const from = start === undefined ? 0 : Number(start);
  if (from > 0 && from >= file.bytes) {
    headers.set("content-range", `bytes */${file.bytes}`);
    return new Response(null, { status: 416, headers });
  }
  headers.set("content-length", String(file.bytes - from));
  if (start !== undefined) {
    headers.set("content-range", `bytes ${from}-${file.bytes - 1}/${file.bytes}`);
  }
  const status = start === undefined ? 200 : 206;
  if (request.method === "HEAD") return new Response(null, { status, headers });
  const opened = await Deno.open(file.source);
  await opened.seek(from, Deno.SeekMode.Start);
  return new Response(opened.readable, { status, headers });
}
