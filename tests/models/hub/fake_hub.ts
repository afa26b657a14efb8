/**
 * A hub of our own on this machine: two servers, as large files lie on another host than the rest.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** Files by name. */
export type HubFiles = Readonly<Record<string, Uint8Array<ArrayBuffer> | string>>;

/** A repository. */
export interface HubRepository {
  /** Files of each commit. */
  readonly commits: Readonly<Record<string, HubFiles>>;
  /** Commit of each branch. */
  readonly branches: Readonly<Record<string, string>>;
  /** Its new name. @default {it has kept its name} */
  readonly renamedTo?: string;
  /** The only token that may read it. @default {everyone may} */
  readonly token?: string;
}

/** A request, as a server received it. */
export interface SeenRequest {
  /** Which of the servers. */
  readonly host: "hub" | "store";
  /** Its method and path: `GET /a/b/resolve/…`. */
  readonly line: string;
  /** Its `range`. */
  readonly range: string | null;
  /** Its `authorization`. */
  readonly authorization: string | null;
}

/** How servers misbehave; may be changed while they run. */
export interface Faults {
  /** Bytes after which the connection ends, of files by name. */
  cutAfter: Record<string, number>;
  /** How often connections are cut before they are whole again. @default {always} */
  cuts: number;
  /** Files that are sent with a wrong byte. */
  corrupt: readonly string[];
  /** Statuses of the next answers, in place of what they would be. */
  statuses: number[];
  /** Sizes that are announced, of files by name, in place of the true ones. */
  claimedSizes: Record<string, number>;
  /** Whether ranges are ignored. */
  ignoresRanges: boolean;
}

/** The running servers. */
export interface FakeHub extends AsyncDisposable {
  /** Address of the hub, for `HF_ENDPOINT`. */
  readonly endpoint: string;
  /** What has been asked, in order. */
  readonly requests: SeenRequest[];
  /** How they misbehave. */
  readonly faults: Faults;
}

/** Starts a hub that has `repositories`. */
export function startHub(repositories: Readonly<Record<string, HubRepository>>): FakeHub {
  const requests: SeenRequest[] = [];
  const faults: Faults = {
    cutAfter: {},
    cuts: Infinity,
    corrupt: [],
    statuses: [],
    claimedSizes: {},
    ignoresRanges: false,
  };
  const see = (host: SeenRequest["host"], { method, url, headers }: Request) =>
    requests.push({
      host,
      line: `${method} ${new URL(url).pathname}`,
      range: headers.get("range"),
      authorization: headers.get("authorization"),
    });
  const settings = { port: 0, hostname: "127.0.0.1", onListen() {} };

  const store = Deno.serve(settings, (request) => {
    see("store", request);
    const [, , owner, name, commit, file] = new URL(request.url).pathname.split("/");
    const content = repositories[`${owner}/${name}`]!.commits[commit!]![file!]!;
    return sent({ request, name: file!, content: bytesOf(content), faults });
  });

  const hub = Deno.serve(settings, (request) => {
    see("hub", request);
    const status = faults.statuses.shift();
    if (status !== undefined) return new Response(null, { status });
    return answer(request, { repositories, faults, storePort: store.addr.port });
  });

  return {
    endpoint: `http://127.0.0.1:${hub.addr.port}`,
    requests,
    faults,
    async [Symbol.asyncDispose]() {
      await hub.shutdown();
      await store.shutdown();
    },
  };
}

interface Hub {
  readonly repositories: Readonly<Record<string, HubRepository>>;
  readonly faults: Faults;
  readonly storePort: number;
}

function answer(request: Request, { repositories, faults, storePort }: Hub): Response {
  const path = new URL(request.url).pathname;
  const [, id, kind, revision, file] =
    path.match(/^\/api\/models\/([^/]+\/[^/]+)\/(revision)\/([^/]+)$/) ??
      path.match(/^\/([^/]+\/[^/]+)\/(resolve)\/([^/]+)\/(.+)$/) ?? [];
  const renamed = id === undefined ? undefined : repositories[id]?.renamedTo;
  if (renamed !== undefined) {
    return new Response(null, { status: 307, headers: { location: path.replace(id!, renamed) } });
  }
  const repository = id === undefined ? undefined : repositories[id];
  const token = request.headers.get("authorization")?.replace("Bearer ", "");
  if (repository === undefined) return refusal(token === undefined ? 401 : 404, "RepoNotFound");
  if (repository.token !== undefined && repository.token !== token) {
    return refusal(token === undefined ? 401 : 403, "GatedRepo");
  }
  const named = decodeURIComponent(revision!);
  const commit = repository.branches[named] ?? named;
  const files = repository.commits[commit];
  if (files === undefined) return refusal(404, "RevisionNotFound");
  if (kind === "revision") {
    const siblings = Object.keys(files).map((rfilename) => ({ rfilename }));
    return Response.json({ id, sha: commit, siblings });
  }
  const content = files[file!];
  if (content === undefined) return refusal(404, "EntryNotFound");
  const bytes = bytesOf(content);
  if (!file!.endsWith(".safetensors")) {
    const headers = { etag: `"${gitBlob(bytes)}"`, "x-repo-commit": commit };
    return sent({ request, name: file!, content: bytes, faults, headers });
  }
  return new Response(null, {
    status: 302,
    headers: {
      location: `http://127.0.0.1:${storePort}/store/${id}/${commit}/${file}?signature=secret`,
      "x-repo-commit": commit,
      "x-linked-etag": `"${createHash("sha256").update(bytes).digest("hex")}"`,
      "x-linked-size": String(faults.claimedSizes[file!] ?? bytes.length),
    },
  });
}

function sent(
  { request, name, content, faults, headers = {} }: {
    readonly request: Request;
    readonly name: string;
    readonly content: Uint8Array<ArrayBuffer>;
    readonly faults: Faults;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Response {
  const range = faults.ignoresRanges ? null : request.headers.get("range");
  const from = Number(range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
  const rest = content.slice(from);
  if (faults.corrupt.includes(name)) rest[rest.length - 1]! ^= 1;
  const all = {
    ...headers,
    "content-length": String(rest.length),
    ...range === null
      ? {}
      : { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` },
  };
  const init = { status: range === null ? 200 : 206, headers: all };
  if (request.method === "HEAD") return new Response(null, init);
  const limit = faults.cutAfter[name];
  if (limit === undefined || rest.length <= limit || faults.cuts <= 0) {
    return new Response(rest, init);
  }
  faults.cuts--;
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(rest.slice(0, limit));
      controller.close(); // earlier than content-length has promised
    },
  });
  return new Response(body, init);
}

function refusal(status: number, code: string): Response {
  return new Response(null, { status, headers: { "x-error-code": code } });
}

function bytesOf(content: Uint8Array<ArrayBuffer> | string): Uint8Array<ArrayBuffer> {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

function gitBlob(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
