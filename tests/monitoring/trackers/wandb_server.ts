/**
 * A stand-in for the server of Weights & Biases: it takes what wandb's own client (0.31) sends to the two interfaces,
 * refuses anything else, and keeps lines of files by their offsets, as the server does.
 *
 * @module
 */

import assert from "node:assert/strict";

/** What the server has of a run. */
export interface WandbRun {
  /** Settings, as JSON. */
  config: Record<string, { value: unknown }>;
  /** What it is called. */
  displayName: string;
  /** Lines of each file. */
  readonly files: Record<string, string[]>;
  /** How the process ended. */
  exitcode?: number;
}

/** A server. */
export interface WandbServer extends AsyncDisposable {
  /** Its address. */
  readonly url: string;
  /** Its runs, by name. */
  readonly runs: Map<string, WandbRun>;
  /** What was wrong with requests. */
  readonly faults: string[];
  /** Answers each request whose turn it is with 503 after it has been taken. */
  failing: (request: number) => boolean;
}

interface GraphqlBody {
  readonly operationName: string;
  readonly query: string;
  readonly variables: Record<string, string | null>;
}

interface StreamBody {
  readonly files?: Record<string, { readonly offset: number; readonly content: string[] }>;
  readonly complete?: boolean;
  readonly exitcode?: number;
}

const KEY = "k".repeat(40);

/** What the client sends besides: files that describe the machine, and what its makers want to know. */
const CLIENT_EXTRAS = /^\/(?:uploads|sdk)\//;

/** The key that the server takes. */
export const WANDB_KEY: string = KEY;

/** The header that the server wants. */
export const WANDB_AUTHORIZATION: string = `Basic ${btoa(`api:${KEY}`)}`;

/** Starts the server. */
export function startWandbServer(): WandbServer {
  const runs = new Map<string, WandbRun>();
  const faults: string[] = [];
  let requests = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname, origin } = new URL(request.url);
    if (CLIENT_EXTRAS.test(pathname)) {
      await request.arrayBuffer();
      return new Response();
    }
    const body = await request.json();
    try {
      const answer = take(pathname, { request, body, runs, origin });
      return self.failing(++requests)
        ? new Response("busy", { status: 503 })
        : Response.json(answer);
    } catch (error) {
      faults.push(String(error));
      return Response.json({ error: String(error) }, { status: 400 });
    }
  });
  const { port } = server.addr as Deno.NetAddr;
  const self: WandbServer = {
    url: `http://127.0.0.1:${port}`,
    runs,
    faults,
    failing: () => false,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return self;
}

function take(
  path: string,
  { request, body, runs, origin }: {
    readonly request: Request;
    readonly body: unknown;
    readonly runs: Map<string, WandbRun>;
    readonly origin: string;
  },
): unknown {
  assert.equal(request.method, "POST");
  assert.equal(request.headers.get("authorization"), WANDB_AUTHORIZATION);
  assert.equal(request.headers.get("content-type"), "application/json");
  if (path === "/graphql") {
    return clientExtra(body as GraphqlBody, origin) ?? graphql(body as GraphqlBody, runs);
  }
  const [, entity, project, name] =
    /^\/files\/([^/]+)\/([^/]+)\/([^/]+)\/file_stream$/.exec(path) ?? [];
  assert.deepEqual([entity, project], ["me", "my%20project"], path);
  return stream(body as StreamBody, runs.get(name!)!);
}

/** Answers what the client asks besides. */
function clientExtra({ operationName, variables }: GraphqlBody, origin: string): unknown {
  if (operationName === "Viewer") {
    const viewer = { id: "dQ==", entity: "me", username: "me", flags: "{}", teams: { edges: [] } };
    return { data: { viewer } };
  }
  if (operationName === "CreateRunFiles") {
    const names = variables.files as unknown as readonly string[];
    const files = names.map((name) => ({ name, uploadUrl: `${origin}/uploads/${name}` }));
    return { data: { createRunFiles: { runID: "cnVu", uploadHeaders: [], files } } };
  }
  return undefined;
}

function graphql({ operationName, query, variables }: GraphqlBody, runs: Map<string, WandbRun>) {
  assert.match(query.trim(), new RegExp(`^(?:query|mutation) ${operationName}\\b`));
  assert.equal(variables.project, "my project");
  const name = variables.name!;
  const run = runs.get(name);
  if (operationName === "RunResumeStatus") {
    assert.match(query, /model\(name: ?\$project, entityName: ?\$entity\)/);
    return { data: { model: run === undefined ? null : { bucket: bucketOf(name, run) } } };
  }
  assert.equal(operationName, "UpsertBucket");
  assert.match(query, /upsertBucket\(input: ?\{/);
  const config = JSON.parse(variables.config!);
  for (const [key, entry] of Object.entries(config)) {
    assert.deepEqual(Object.keys(entry as object), ["value"], key);
  }
  const upserted = run ?? { displayName: "", config: {}, files: {} };
  Object.assign(upserted.config, config);
  upserted.displayName = variables.displayName ?? upserted.displayName;
  runs.set(name, upserted);
  const project = { id: "cA==", name: "my project", entity: { id: "ZQ==", name: "me" } };
  const bucket = { ...bucketOf(name, upserted), project };
  return { data: { upsertBucket: { bucket, inserted: run === undefined } } };
}

function bucketOf(name: string, { displayName, files }: WandbRun) {
  const history = files["wandb-history.jsonl"] ?? [];
  return {
    ...{ id: "cnVu", name, displayName },
    summaryMetrics: files["wandb-summary.json"]?.[0] ?? "{}",
    historyLineCount: history.length,
    logLineCount: files["output.log"]?.length ?? 0,
    eventsLineCount: 0,
    historyTail: JSON.stringify(history.slice(-1)),
  };
}

function stream({ files = {}, complete, exitcode }: StreamBody, run: WandbRun) {
  for (const [name, { offset, content }] of Object.entries(files)) {
    const lines = run.files[name] ??= [];
    assert.ok(offset <= lines.length, `${name}: lines before ${offset} are missing`);
    for (const [i, line] of content.entries()) lines[offset + i] = line;
  }
  if (complete) run.exitcode = exitcode!;
  return { exitcode: null, limits: {} };
}
