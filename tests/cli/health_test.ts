import assert from "node:assert/strict";
import { join } from "node:path";
import { temporaryFolder } from "../temporary_folder.ts";
import { type CliResult, runCli } from "./run_cli.ts";

interface ReadyServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
}

/** A server that is ready at its answer number `readyAt`. */
function readyServer(readyAt: number): ReadyServer {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    asked.push(new URL(request.url).pathname);
    return asked.length >= readyAt
      ? Response.json({ ready: true, model: "toy" })
      : Response.json({ error: { message: "The model is being loaded" } }, { status: 503 });
  });
  const { port } = server.addr;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const health = (...args: string[]): Promise<CliResult> => runCli(["health", ...args]);

Deno.test("health ends with 0 and names the model of a server that is ready", async () => {
  await using server = readyServer(1);
  const { status, stdout, stderr } = await health("--url", `${server.url}/v1/`);
  assert.deepEqual([status, stdout, stderr], [0, `ready: toy at ${server.url}\n`, ""]);
  assert.deepEqual(server.asked, ["/ready"]);
});

Deno.test("health ends with 1 and says why a server is not ready", async () => {
  await using server = readyServer(2);
  const { status, stdout, stderr } = await health("--url", server.url, "--json");
  assert.equal(status, 1);
  const detail = "it answers with status 503: The model is being loaded";
  assert.deepEqual(JSON.parse(stdout), { url: server.url, ready: false, detail });
  assert.match(
    stderr,
    /^error: Cannot send requests to http:\S+: it answers .*--wait <seconds>\n$/,
  );
});

Deno.test("health ends with 1 where nothing listens", async () => {
  let url: string;
  {
    await using server = readyServer(1);
    url = server.url;
  }
  const { status, stderr } = await health("--url", url);
  assert.equal(status, 1);
  assert.match(stderr, /: nothing listens there; start a server with "llm-training serve"/);
});

Deno.test("health --wait asks until the server is ready", async () => {
  await using server = readyServer(3);
  const { status } = await health("--url", server.url, "--wait", "60");
  assert.deepEqual([status, server.asked.length], [0, 3]);
});

Deno.test("health asks at the port of the home's settings of serve", async () => {
  await using folder = await temporaryFolder();
  await using server = readyServer(1);
  const settings = { serve: { host: "0.0.0.0", port: server.port } };
  await Deno.writeTextFile(join(folder.path, "llm-training.json"), JSON.stringify(settings));
  const { status, stdout } = await runCli(["health"], { env: { LLM_TRAINING_HOME: folder.path } });
  assert.deepEqual([status, stdout], [0, `ready: toy at ${server.url}\n`]);
});

Deno.test("health refuses a URL of another kind", async () => {
  const { status, stderr } = await health("--url", "unix:/run/socket");
  assert.equal(status, 1);
  assert.match(stderr, /Cannot ask "unix:\/run\/socket": --url takes an address such as http:/);
});
