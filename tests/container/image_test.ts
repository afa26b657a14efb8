import assert from "node:assert/strict";
import { join } from "node:path";
import { makeChatModel } from "../cli/chat_model.ts";
import { hasPackage, PYTHON } from "../python.ts";
import { sharedData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { buildImage, type Image } from "./image.ts";
import { type Container, type Mount, startContainer } from "./oci_container.ts";
import { hasProgram } from "./run_program.ts";

/** How much larger than its base the image may be. */
const MAX_ADDED_BYTES = 260e6;

const KEY = "a-key-of-the-test";
const executable = Deno.env.get("LLM_TRAINING_BIN");
const stories = sharedData("models/TinyStories-656K");

/** What is missing for these tests, or `undefined`. */
function missing(): string | undefined {
  if (executable === undefined) return "$LLM_TRAINING_BIN names no executable";
  if (stories === undefined) return 'no shared data "models/TinyStories-656K"';
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "only root on Linux can build it";
  for (const program of ["buildah", "runc", "debootstrap"]) {
    if (!hasProgram(program)) return `there is no ${program}`;
  }
  return undefined;
}

/** Starts containers of an image, each with a home of its own unless one is given. */
interface Host {
  readonly start: (args: readonly string[], options?: StartOptions) => Promise<Container>;
  /** Makes a folder that the image's user may write to, as runtimes do with a new volume. */
  readonly volume: () => Promise<string>;
}

interface StartOptions {
  /** What is mounted at `/home`. @default {nothing: it cannot be written} */
  readonly home?: string;
}

async function createHost(image: Image, folder: string): Promise<Host> {
  const models = join(folder, "models");
  await makeChatModel(stories!, join(models, "tiny"));
  const [uid, gid] = image.config.User.split(":").map(Number);
  return {
    async volume() {
      const path = await Deno.makeTempDir({ dir: folder });
      await Deno.chown(path, uid!, gid!);
      return path;
    },
    async start(args, { home } = {}) {
      const mounts: Mount[] = [{ source: models, destination: "/models", readonly: true }];
      if (home !== undefined) mounts.push({ source: home, destination: "/home", readonly: false });
      const env = { LLM_TRAINING_API_KEY: KEY };
      return await startContainer({ ...image, args, env, mounts, folder });
    },
  };
}

const SERVE = [
  "serve",
  "--host",
  "0.0.0.0",
  "--port",
  "0",
  "--model",
  "tiny",
  "--device",
  "native",
];

async function addressOf(container: Container): Promise<string> {
  const [, port] = await container.waitFor(/at http:\S+?:(\d+)\/v1\n/);
  return `http://127.0.0.1:${port}`;
}

/** Milliseconds until a server in a container is ready. */
async function readyMs({ start }: Host, home: string): Promise<number> {
  const began = performance.now();
  await using container = await start(SERVE, { home });
  const response = await fetch(`${await addressOf(container)}/ready`);
  const ms = performance.now() - began;
  assert.equal(response.status, 200);
  await response.body?.cancel();
  return ms;
}

/** Milliseconds until the help has been printed in a container. */
async function helpMs({ start }: Host, home: string): Promise<number> {
  const began = performance.now();
  await using container = await start(["--help"], { home });
  assert.equal(await container.status, 0);
  return performance.now() - began;
}

async function bestOf(times: number, measure: () => Promise<number>): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < times; i++) best = Math.min(best, await measure());
  return best;
}

const why = missing();

Deno.test({
  name: `the image${why === undefined ? "" : ` (skipped: ${why})`}`,
  ignore: why !== undefined,
  async fn(test) {
    await using folder = await temporaryFolder();
    await using image = await buildImage(executable!, folder.path);
    const { config, root, addedBytes } = image;
    // From here on there is no shell and no other program in it
    for (const path of ["usr/bin", "usr/sbin"]) {
      await Deno.remove(join(root, path), { recursive: true });
    }
    const host = await createHost(image, folder.path);

    await test.step(`is ${(addedBytes / 1e6).toFixed()} MB larger than its base`, () => {
      assert.ok(addedBytes < MAX_ADDED_BYTES);
    });

    await test.step("has a user without rights, volumes, a port, a signal and a health check", () => {
      assert.match(config.User, /^[1-9]\d{3,}:[1-9]\d{3,}$/);
      assert.deepEqual(Object.keys(config.Volumes).toSorted(), ["/home", "/models"]);
      assert.deepEqual(Object.keys(config.ExposedPorts), ["8765/tcp"]);
      assert.equal(config.StopSignal, "SIGTERM");
      assert.deepEqual(config.Healthcheck.Test, ["CMD", ...config.Entrypoint, "health"]);
    });

    await test.step("has volumes that belong to its user", async () => {
      const [uid] = config.User.split(":").map(Number);
      for (const path of Object.keys(config.Volumes)) {
        assert.equal((await Deno.stat(join(root, path))).uid, uid, path);
      }
    });

    await test.step("does not start a server without a key", async () => {
      const { args, env } = { args: config.Cmd.concat("--model", "tiny"), env: {} };
      await using container = await startContainer({
        ...{ ...image, args, env, mounts: [], folder: folder.path },
      });
      assert.equal(await container.status, 1);
    });

    await test.step("serves where nothing at all can be written, by WebAssembly", async () => {
      await using container = await host.start(SERVE.with(-1, "auto"));
      const url = await addressOf(container);
      assert.match((await container.waitFor(/Serving .* on (\w+)/))[1]!, /^(wasm|webgpu)$/);
      assert.equal(await container.exec([...config.Healthcheck.Test.slice(1), "--url", url]), 0);
    });

    // No bound: others that compute at the same time make every time longer.
    const home = await host.volume();
    const help = await bestOf(3, () => helpMs(host, home));
    const first = await bestOf(3, async () => readyMs(host, await host.volume()));
    const ready = await bestOf(3, () => readyMs(host, home));
    await test.step(
      `is ready ${(ready - help).toFixed()} ms after the executable's own start, ` +
        `${(first - help).toFixed()} ms the first time`,
      () => {},
    );

    await test.step("keeps what it has unpacked in its home", async () => {
      const kept = await Array.fromAsync(Deno.readDir(join(home, ".cache/llm-training")));
      assert.equal(kept.length, 1);
    });

    const canChat = hasPackage("openai");
    await test.step({
      name: `chats with Python's openai, says that it is healthy, and ends an answer after SIGTERM${
        canChat ? "" : ` (skipped: ${PYTHON} has no package openai)`
      }`,
      ignore: !canChat,
      fn: () => chatAndStop(host, { home, config: image.config }),
    });
  },
});

async function chatAndStop(
  { start }: Host,
  { home, config }: { readonly home: string; readonly config: Image["config"] },
): Promise<void> {
  await using container = await start(SERVE, { home });
  const url = await addressOf(container);
  const check = config.Healthcheck.Test.slice(1);
  assert.equal(await container.exec([...check, "--url", url]), 0);
  assert.equal(await container.exec([...check, "--url", url.replace(/\d+$/, "9")]), 1);

  const script = new URL("./openai_client.py", import.meta.url).pathname;
  const client = new Deno.Command(PYTHON, {
    args: [script, `${url}/v1`, KEY, "tiny"],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(client.stderr).text();
  let said = "";
  let isStopping = false;
  for await (const part of client.stdout.pipeThrough(new TextDecoderStream())) {
    said += part;
    if (isStopping || !said.includes("\n")) continue;
    assert.equal(said, "streaming\n", "the answer is still being made");
    isStopping = true;
    await container.kill("TERM");
  }
  assert.equal((await client.status).code, 0, await stderr);
  const { text, reasons, tokens } = JSON.parse(said.replace("streaming\n", ""));
  assert.match(text, /\w/);
  assert.deepEqual([reasons.length, new Set(reasons), tokens], [16, new Set(["length"]), 6400]);
  assert.equal(await container.status, 0);
  assert.match(await container.stderr, /\nFinishing what runs/);
}
