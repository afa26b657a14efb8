/**
 * A plain web server: what is asked for is a file in a folder.
 *
 * @module
 */

import { extname, join } from "node:path";

/** A server that listens until its scope ends. */
export interface WebServer extends AsyncDisposable {
  /** Where it listens, without a slash at its end. */
  readonly url: string;
  /** Paths that were asked for and are not there. */
  readonly missing: readonly string[];
}

const TYPES: Readonly<Record<string, string>> = {
  ".ts": "application/typescript",
  ".js": "text/javascript",
  ".json": "application/json",
  ".html": "text/html",
  ".css": "text/css",
};

/** Serves the files in `folder` on a free port of this machine. */
export function serveFolder(folder: string): WebServer {
  const missing: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
      try {
        const bytes = await Deno.readFile(join(folder, path));
        const type = TYPES[extname(path)] ?? "application/octet-stream";
        return new Response(bytes, { headers: { "content-type": type } });
      } catch {
        missing.push(path);
        return new Response("There is no such file", { status: 404 });
      }
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    missing,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
