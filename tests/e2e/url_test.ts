import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWeb } from "../../tools/web/bundle.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { serveFolder, type WebServer } from "./web_server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What Deno is given for each way, before the arguments of the program. */
interface Program {
  /** For the command line. */
  readonly cli: readonly string[];
  /** For the server. */
  readonly server: readonly string[];
}

/** Where the program is run: an empty folder, an empty home, and a cache without any module from a URL. */
interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function deno(args: readonly string[], { cwd, env }: Place): Promise<Result> {
  const { code, stdout, stderr } = await command(args, { cwd, env }).output();
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function command(args: readonly string[], place: Place): Deno.Command {
  const options = { ...place, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  return new Deno.Command(Deno.execPath(), { ...options, args: [...args] });
}

/**
 * Packages come from the cache that is there, as tests need no network: with `LLM_TRAINING_EMPTY_CACHE` from npm.
 */
async function emptyPlace(folder: string): Promise<Place> {
  const cwd = join(folder, "work");
  const cache = join(folder, "cache");
  await Deno.mkdir(cwd);
  await Deno.mkdir(cache);
  if (!Deno.env.get("LLM_TRAINING_EMPTY_CACHE")) {
    const { stdout } = await deno(["info", "--json"], { cwd, env: {} });
    await Deno.symlink(JSON.parse(stdout).npmCache, join(cache, "npm"));
  }
  const env = { DENO_DIR: cache, NO_COLOR: "1", LLM_TRAINING_HOME: join(folder, "home") };
  return { cwd, env };
}

/** Trains, generates, plots, serves and chats with the program that lies elsewhere. */
async function use({ cli, server }: Program, place: Place): Promise<void> {
  const run = async (...args: string[]): Promise<Result> => {
    const result = await deno([...cli, ...args], place);
    assert.equal(result.status, 0, `${args.join(" ")}\n${result.stderr}`);
    return result;
  };
  await run("data", "generate", "--skill", "tiny_world", "--rows", "60", "--output", "rows.jsonl");
  const training = await run(
    ...["train", "--dataset", "rows.jsonl", "--model", "demo", "--output", "run"],
    ...["--max-steps", "2", "--batch-size", "2", "--threads", "1"],
  );
  assert.match(training.stdout + training.stderr, /step 2\/2 +loss \d/);
  for (const device of ["native", "wasm"]) {
    const wishes = ["--device", device, "--max-tokens", "3", "--json"];
    await run("generate", "--model", "run", "--prompt", "Anna has", ...wishes);
  }
  await run("run", "plot", "run", "--png", "loss.png");
  const png = await Deno.readFile(join(place.cwd, "loss.png"));
  assert.deepEqual([...png.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  await chat(server, place);
  await startItself(run, place);
}

async function chat(server: readonly string[], place: Place): Promise<void> {
  const child = command([...server, "--model", "run", "--port", "0"], place).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const messages = new Response(child.stderr).text();
  try {
    let text = "";
    let url: string | undefined;
    while (url === undefined) {
      const { value, done } = await lines.read();
      if (done) assert.fail(`the server ended before it served: ${await messages}`);
      text += value;
      url = / at (http:\S+)\n/.exec(text)?.[1];
    }
    const response = await fetch(`${url}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: "run",
        messages: [{ role: "user", content: "Tell me a story about a cat." }],
        max_tokens: 4,
      }),
    });
    const { usage } = await response.json();
    assert.equal(usage.completion_tokens, 4);
  } finally {
    child.kill("SIGTERM");
    while (!(await lines.read()).done);
  }
  const { code } = await child.status;
  assert.equal(code, 0, await messages);
}

/** What the daemon starts its trainers with is the program too. */
async function startItself(
  run: (...args: string[]) => Promise<Result>,
  place: Place,
): Promise<void> {
  const { stdout } = await run("daemon", "install", "--print", "--user");
  const line = /^ExecStart=(.*)$/m.exec(stdout)?.[1];
  const words = line!.split(" ").map((word) => word.replace(/^"(.*)"$/, "$1"));
  const [, ...args] = words.slice(0, words.indexOf("daemon"));
  const { status, stderr } = await deno([...args, "data", "generate", "--help"], place);
  assert.equal(status, 0, stderr);
}

function assertAllThere({ missing }: WebServer): void {
  assert.deepEqual(missing.filter((path) => !/package\.json$/.test(path)), []);
}

Deno.test("the sources run from a web server with deno.json as their import map", async () => {
  await using folder = await temporaryFolder();
  await using server = serveFolder(root);
  const place = await emptyPlace(folder.path);
  const head = ["run", "--quiet", "-A", "--import-map", `${server.url}/deno.json`];
  await use({
    cli: [...head, `${server.url}/cli.ts`],
    server: [...head, `${server.url}/server.ts`],
  }, place);
  assertAllThere(server);
});

Deno.test("bundleWeb() writes what runs from a web server without anything else", async () => {
  await using folder = await temporaryFolder();
  const dist = join(folder.path, "dist");
  await bundleWeb({ root, folder: dist });
  await using server = serveFolder(dist);
  const place = await emptyPlace(folder.path);
  const head = ["run", "--quiet", "-A"];
  await use({
    cli: [...head, `${server.url}/cli.js`],
    server: [...head, `${server.url}/server.js`],
  }, place);
  const serve = ["serve", "--quiet", "-A", "--host", "127.0.0.1", "--port", "0"];
  await chat([...serve, `${server.url}/server.js`], place);
  assertAllThere(server);
});
