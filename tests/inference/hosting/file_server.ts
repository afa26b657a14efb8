/**
 * A server of files that can be made to misbehave.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { PullFile } from "../../../src/inference/hosting/pull_spec.ts";

/** How the next answers about a file go. */
export interface Misbehaviour {
  /** The connection ends after so many bytes, this many times. */
  readonly cutAfter?: number;
  /** How many times it misbehaves. @default {for ever} */
  readonly times?: number;
  /** The status of the answer. */
  readonly status?: number;
  /** It sends other bytes, as many. */
  readonly isWrong?: boolean;
  /** It sends all, whatever is asked for, without saying how much that is. */
  readonly hasNoRanges?: boolean;
  /** It sends nothing until this resolves. */
  readonly until?: Promise<void>;
}

/** A server of files. */
export interface FileServer extends AsyncDisposable {
  /** Serves a file and returns how it is asked for. */
  add(path: string, content: Uint8Array | string): PullFile;
  /** Says how the next answers about a file go. */
  misbehave(path: string, how: Misbehaviour): void;
  /** The requests that came: path and the byte that they began at. */
  readonly requests: string[];
}

/** Starts a server of files on a free port. */
export function startFileServer(): FileServer {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const faults = new Map<string, Misbehaviour & { left: number }>();
  const requests: string[] = [];
  const handle = async (request: Request): Promise<Response> => {
    const path = decodeURIComponent(new URL(request.url).pathname.slice(1));
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
    requests.push(`${path} ${from}`);
    const content = files.get(path);
    if (content === undefined) return new Response("no such file", { status: 404 });
    const found = faults.get(path);
    const fault = found !== undefined && found.left-- > 0 ? found : undefined;
    await fault?.until;
    if (fault?.status !== undefined) return new Response("busy", { status: fault.status });
    const sent = fault?.isWrong ? content.map((byte) => byte ^ 1) : content;
    const begin = fault?.hasNoRanges ? 0 : from;
    const rest = sent.subarray(begin);
    const headers = {
      ...(fault?.hasNoRanges ? {} : { "content-length": String(rest.length) }),
      ...(begin > 0
        ? { "content-range": `bytes ${begin}-${content.length - 1}/${content.length}` }
        : {}),
    };
    const { cutAfter } = fault ?? {};
    const body = cutAfter === undefined ? rest : new ReadableStream({
      start(controller) {
        controller.enqueue(rest.subarray(0, cutAfter));
      },
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 10)); // what was sent arrives before
        controller.error(new Error("cut off"));
      },
    });
    return new Response(body, { status: begin > 0 ? 206 : 200, headers });
  };
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    onError: () => new Response(null, { status: 500 }),
  }, handle);
  return {
    requests,
    add(path, content) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      files.set(path, new Uint8Array(bytes));
      return {
        path,
        url: `http://127.0.0.1:${server.addr.port}/${encodeURIComponent(path)}?X-Signature=secret`,
        sha256: createHash("sha256").update(bytes).digest("hex"),
        bytes: bytes.length,
      };
    },
    misbehave(path, how) {
      faults.set(path, { ...how, left: how.times ?? Infinity });
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
