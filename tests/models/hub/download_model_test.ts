import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { safetensorsContent } from "../../../src/engine/tensor/safetensors_writer.ts";
import { tensor } from "../../../src/engine/tensor/tensor.ts";
import { lockFile } from "../../../src/models/hub/blob_lock.ts";
import { repositoryFolders } from "../../../src/models/hub/cache.ts";
import {
  type DownloadEvent,
  downloadModel,
  type DownloadOptions,
} from "../../../src/models/hub/download_model.ts";
import { openModelFolder } from "../../../src/models/hub/folder.ts";
import { parseHubReference } from "../../../src/models/hub/reference.ts";
import type { HubSettings } from "../../../src/models/hub/settings.ts";
import { writeFileAtomic } from "../../../src/utils/atomic_file.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { type FakeHub, type HubFiles, startHub } from "./fake_hub.ts";

const MAIN = "a".repeat(40);
const OLD = "b".repeat(40);
const ID = "Org/tiny";
const WEIGHTS = "model.safetensors";
const encoder = new TextEncoder();

/** A model folder's worth of weights, long enough to be cut in two. */
const weights = await safetensorsBytes({ a: 3000 });
const TINY: HubFiles = {
  "config.json": '{"model_type":"llama"}\n',
  "tokenizer.json": "{}\n",
  "README.md": "not needed",
  "pytorch_model.bin": "not needed",
  "consolidated.safetensors": "not needed",
  "onnx/model.onnx": "not needed",
  [WEIGHTS]: weights,
};

async function safetensorsBytes(
  sizes: Readonly<Record<string, number>>,
): Promise<Uint8Array<ArrayBuffer>> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "x");
  const tensors = Object.entries(sizes).map(([name, size]) =>
    [name, tensor("float32", [size], new Float32Array(size).map((_, i) => i))] as const
  );
  await writeFileAtomic(path, safetensorsContent(tensors));
  return await Deno.readFile(path);
}

/** A hub with one model, and a cache for it. */
async function setUp(options: { readonly files?: HubFiles; readonly token?: string } = {}) {
  const { files = TINY, token } = options;
  const stack = new AsyncDisposableStack();
  const hub = stack.use(startHub({
    "Old/name": { commits: {}, branches: {}, renamedTo: ID },
    [ID]: {
      commits: { [MAIN]: files, [OLD]: { ...files, "config.json": '{"model_type":"qwen3"}\n' } },
      branches: { main: MAIN, "refs/pr/1": OLD },
      ...(token === undefined ? {} : { token }),
    },
  }));
  const folder = stack.use(await temporaryFolder());
  const settings: HubSettings = {
    endpoint: hub.endpoint,
    cache: join(folder.path, "hub"),
    token: undefined,
    offline: false,
  };
  return {
    hub,
    settings,
    folders: repositoryFolders(settings.cache, ID),
    download: (name = ID, more: Partial<DownloadOptions> = {}) =>
      downloadModel(parseHubReference(name)!, {
        settings,
        retry: { attempts: 1, minDelayMs: 1 },
        ...more,
      }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const lines = ({ requests }: FakeHub) => requests.map(({ host, line }) => `${host} ${line}`);

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
}

Deno.test("downloadModel() lays the files that are needed out as Hugging Face's tools do", async () => {
  await using test = await setUp();
  const events: DownloadEvent[] = [];
  const { folder, commit, downloadedBytes } = await test.download(ID, {
    onEvent: (event) => events.push(event),
  });
  assert.equal(commit, MAIN);
  assert.equal(folder, join(test.settings.cache, "models--Org--tiny", "snapshots", MAIN));
  assert.deepEqual(await namesIn(folder), ["config.json", WEIGHTS, "tokenizer.json"]);
  assert.deepEqual(await Deno.readFile(join(folder, WEIGHTS)), weights);
  assert.equal(await Deno.readTextFile(join(test.folders.refs, "main")), MAIN);
  const target = await Deno.readLink(join(folder, "tokenizer.json"));
  // what `git hash-object` says of a file with "{}" in a line
  assert.equal(target, "../../blobs/0967ef424bce6791893e9a57bb952f80fd536e93");
  assert.ok((await namesIn(test.folders.blobs)).every((name) => !name.endsWith(".incomplete")));
  const size = weights.length + encoder.encode(`${TINY["config.json"]}{}\n`).length;
  assert.equal(downloadedBytes, size);
  assert.deepEqual(events.at(-1), { kind: "progress", haveBytes: size, totalBytes: size });
  using model = await openModelFolder(folder);
  assert.deepEqual(model.weightNames, ["a"]);
});

Deno.test("downloadModel() asks only which commit it is where all is there", async () => {
  await using test = await setUp();
  const first = await test.download();
  test.hub.requests.length = 0;
  assert.deepEqual(await test.download(), { ...first, downloadedBytes: 0 });
  assert.deepEqual(lines(test.hub), ["hub GET /api/models/Org/tiny/revision/main"]);
});

Deno.test("downloadModel() downloads the tokenizer alone, and later the rest", async () => {
  await using test = await setUp();
  const { folder } = await test.download(ID, { part: "tokenizer" });
  assert.deepEqual(await namesIn(folder), ["config.json", "tokenizer.json"]);
  test.hub.requests.length = 0;
  assert.equal((await test.download()).downloadedBytes, weights.length);
  assert.deepEqual(await namesIn(folder), ["config.json", WEIGHTS, "tokenizer.json"]);
  assert.ok(lines(test.hub).every((line) => !line.includes("tokenizer.json")));
});

Deno.test("downloadModel() follows the index to weights in several files", async () => {
  const shards = ["model-1-of-2.safetensors", "model-2-of-2.safetensors"];
  await using test = await setUp({
    files: {
      "config.json": "{}",
      "model.safetensors.index.json": JSON.stringify({
        weight_map: { a: shards[0], b: shards[1] },
      }),
      [shards[0]!]: await safetensorsBytes({ a: 2 }),
      [shards[1]!]: await safetensorsBytes({ b: 3 }),
      "other.safetensors": "not needed",
    },
  });
  const { folder } = await test.download();
  assert.deepEqual(await namesIn(folder), [
    "config.json",
    ...shards,
    "model.safetensors.index.json",
  ]);
  using model = await openModelFolder(folder);
  assert.deepEqual((await model.readWeight("b")).data, Float32Array.of(0, 1, 2));
});

Deno.test("downloadModel() downloads an adapter, which has no model's configuration", async () => {
  const names = ["adapter_config.json", "adapter_model.safetensors"];
  await using test = await setUp({
    files: { [names[0]!]: "{}", [names[1]!]: weights, "a.bin": "" },
  });
  const { folder } = await test.download();
  assert.deepEqual(await namesIn(folder), names);
  const settings = { ...test.settings, offline: true };
  assert.equal((await test.download(ID, { settings })).folder, folder);
});

Deno.test("downloadModel() goes on where a connection was cut, in the next call", async () => {
  await using test = await setUp();
  test.hub.faults.cutAfter[WEIGHTS] = 5000;
  await assert.rejects(test.download(), {
    name: "UserError",
    message: new RegExp(
      `^Cannot download "${WEIGHTS}" of "${ID}": ${test.hub.endpoint} .*broke off.*run it again`,
    ),
  });
  assert.equal(existsSync(join(test.folders.snapshots, MAIN)), false);
  const [part] = (await namesIn(test.folders.blobs)).filter((it) => it.endsWith(".incomplete"));
  assert.equal((await Deno.stat(join(test.folders.blobs, part!))).size, 5000);

  test.hub.faults.cutAfter = {};
  test.hub.requests.length = 0;
  const { folder, downloadedBytes } = await test.download();
  const asked = test.hub.requests.filter(({ host }) => host === "store");
  assert.deepEqual(asked.map(({ range }) => range), ["bytes=5000-"]);
  assert.equal(downloadedBytes, weights.length - 5000);
  assert.deepEqual(await Deno.readFile(join(folder, WEIGHTS)), weights);
});

Deno.test("downloadModel() goes on by itself as long as every try brings something", async () => {
  await using test = await setUp();
  test.hub.faults.cutAfter[WEIGHTS] = 4000;
  const notices: string[] = [];
  const { folder } = await test.download(ID, {
    retry: { attempts: 2, minDelayMs: 1 },
    onEvent: (event) => event.kind === "notice" && notices.push(event.message),
  });
  assert.deepEqual(await Deno.readFile(join(folder, WEIGHTS)), weights);
  const ranges = test.hub.requests.filter(({ host }) => host === "store").map((it) => it.range);
  assert.deepEqual(ranges, [null, "bytes=4000-", "bytes=8000-", "bytes=12000-"]);
  assert.match(notices[0]!, /broke off .*; trying again in 1 ms$/);
});

Deno.test("downloadModel() starts over where the server knows no ranges", async () => {
  await using test = await setUp();
  test.hub.faults.cutAfter[WEIGHTS] = 5000;
  await assert.rejects(test.download());
  test.hub.faults.cutAfter = {};
  test.hub.faults.ignoresRanges = true;
  const { folder } = await test.download();
  assert.deepEqual(await Deno.readFile(join(folder, WEIGHTS)), weights);
});

Deno.test("downloadModel() tries again after a server that is busy", async () => {
  await using test = await setUp();
  test.hub.faults.statuses = [503];
  const retry = { attempts: 2, minDelayMs: 1 };
  assert.equal((await test.download(ID, { retry })).commit, MAIN);
  test.hub.faults.statuses = [503, 503];
  await assert.rejects(test.download(ID, { retry }), /answered 503 .*try again later/);
});

Deno.test("downloadModel() takes nothing with a wrong checksum", async () => {
  for (const name of [WEIGHTS, "config.json"]) {
    await using test = await setUp();
    test.hub.faults.corrupt = [name];
    let etag = "";
    await assert.rejects(test.download(), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.ok(error.message.startsWith(`Cannot download "${name}" of "${ID}": what `));
      etag = error.message.match(/ sent does not have the checksum ([0-9a-f]{40,});/)![1]!;
      return true;
    });
    assert.equal(existsSync(join(test.folders.snapshots, MAIN)), false);
    // files that came beside it may be there in part
    assert.ok((await namesIn(test.folders.blobs)).every((it) => !it.startsWith(etag)));
    test.hub.faults.corrupt = [];
    const { folder } = await test.download();
    assert.deepEqual(await Deno.readFile(join(folder, WEIGHTS)), weights);
  }
});

Deno.test("downloadModel() starts over once if what an earlier try has left is wrong", async () => {
  await using test = await setUp();
  test.hub.faults.cutAfter[WEIGHTS] = 5000;
  await assert.rejects(test.download());
  test.hub.faults.cutAfter = {};
  const [part] = (await namesIn(test.folders.blobs)).filter((it) => it.endsWith(".incomplete"));
  await Deno.writeFile(join(test.folders.blobs, part!), new Uint8Array(5000));
  const { folder } = await test.download();
  assert.deepEqual(await Deno.readFile(join(folder, WEIGHTS)), weights);
});

Deno.test("downloadModel() says before it begins that the disk has too little room", async () => {
  await using test = await setUp();
  test.hub.faults.claimedSizes[WEIGHTS] = 1e18;
  await assert.rejects(
    test.download(),
    /"Org\/tiny": it needs 1000 PB and .* are free at ".*blobs"; .* with HF_HOME$/,
  );
  assert.ok(lines(test.hub).every((line) => !line.startsWith("store")));
});

Deno.test("downloadModel() holds a file to the size that was announced", async () => {
  await using test = await setUp();
  test.hub.faults.claimedSizes[WEIGHTS] = weights.length - 1;
  await assert.rejects(test.download(), /does not have the checksum/);
});

Deno.test("downloadModel() gets branches and commits, each with a snapshot of its own", async () => {
  await using test = await setUp();
  const main = await test.download();
  const branch = await test.download(`${ID}@refs/pr/1`);
  assert.equal(branch.commit, OLD);
  assert.equal(await Deno.readTextFile(join(test.folders.refs, "refs", "pr", "1")), OLD);
  assert.equal(
    await Deno.readTextFile(join(branch.folder, "config.json")),
    '{"model_type":"qwen3"}\n',
  );
  assert.ok(branch.downloadedBytes < weights.length, "the weights are the same blob");
  assert.deepEqual(await test.download(`${ID}@${MAIN}`), { ...main, downloadedBytes: 0 });
  assert.deepEqual(await namesIn(test.folders.refs), ["main", "refs"]);
  await assert.rejects(
    test.download(`${ID}@nowhere`),
    /^UserError: Cannot download "Org\/tiny@nowhere": it has no branch, tag or commit "nowhere"/,
  );
});

Deno.test("downloadModel() shows the token to the hub and to no other host", async () => {
  await using test = await setUp({ token: "hf_right" });
  await test.download(ID, { settings: { ...test.settings, token: "hf_right" } });
  for (const { host, authorization } of test.hub.requests) {
    assert.equal(authorization, host === "hub" ? "Bearer hf_right" : null);
  }
  assert.ok(test.hub.requests.some(({ host }) => host === "store"));
});

Deno.test("downloadModel() follows a repository that was renamed", async () => {
  await using test = await setUp({ token: "hf_right" });
  const settings = { ...test.settings, token: "hf_right" };
  const { folder } = await test.download("Old/name", { settings });
  assert.match(folder, /models--Old--name/);
  assert.deepEqual(await Deno.readFile(join(folder, WEIGHTS)), weights);
});

Deno.test("downloadModel() says what a gated or unknown repository needs", async () => {
  await using test = await setUp({ token: "hf_right" });
  const { endpoint } = test.hub;
  const withToken = { settings: { ...test.settings, token: "hf_wrong" } };
  const cases: readonly [Promise<unknown>, RegExp][] = [
    [
      test.download(),
      /"Org\/tiny": it is gated; accept its terms at .*\/Org\/tiny,.* as HF_TOKEN$/,
    ],
    [test.download(ID, withToken), /it is gated and the account of your token has no access/],
    [test.download("Org/none"), /"Org\/none": .* has no public repository of that name.*HF_TOKEN/],
    [test.download("Org/none", withToken), /has no repository of that name that your token may/],
  ];
  for (const [download, message] of cases) {
    await assert.rejects(download, (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.match(error.message, message);
      assert.ok(error.message.includes(endpoint) && !error.message.includes("hf_"), error.message);
      return true;
    });
  }
  test.hub.faults.statuses = [401];
  await assert.rejects(test.download(ID, withToken), /does not accept the token; look at HF_TOKEN/);
});

Deno.test("downloadModel() asks nothing offline", async () => {
  await using test = await setUp();
  const offline = { settings: { ...test.settings, offline: true } };
  await assert.rejects(test.download(ID, offline), /HF_HUB_OFFLINE is set and it is not whole in/);
  const { folder } = await test.download();
  test.hub.requests.length = 0;
  assert.equal((await test.download(ID, offline)).folder, folder);
  assert.equal((await test.download(`${ID}@${MAIN}`, offline)).folder, folder);
  await Deno.remove(join(folder, WEIGHTS));
  await assert.rejects(test.download(ID, offline), /it is not whole/);
  assert.deepEqual(test.hub.requests, []);
});

Deno.test("downloadModel() refuses names that lead out of the cache", async () => {
  const index = JSON.stringify({ weight_map: { a: "../../../evil.safetensors" } });
  await using test = await setUp({
    files: {
      "config.json": "{}",
      "../../../evil.json": "{}",
      "model.safetensors.index.json": index,
      "../../../evil.safetensors": weights,
    },
  });
  await assert.rejects(
    test.download(),
    /"\.\.\/\.\.\/\.\.\/evil\.safetensors" is no file of the repository's own folder/,
  );
  assert.equal(existsSync(join(test.folders.snapshots, MAIN)), false);
  for (const name of ["../tiny", "Org/..", "Org/tiny@../main", "Org/tiny@a/../../b", "/etc/x"]) {
    assert.equal(parseHubReference(name), undefined, name);
  }
});

Deno.test("downloadModel() says what a repository without safetensors has instead", async () => {
  await using test = await setUp({ files: { "config.json": "{}", "pytorch_model.bin": "" } });
  await assert.rejects(
    test.download(),
    /has neither .*; pytorch_model\.bin is another format, look/,
  );
});

Deno.test("downloadModel() downloads a file once when called several times at once", async () => {
  await using test = await setUp();
  const all = await Promise.all([1, 2, 3].map(() => test.download()));
  assert.deepEqual(new Set(all.map(({ folder }) => folder)).size, 1);
  assert.equal(lines(test.hub).filter((line) => line.startsWith("store GET")).length, 1);
});

Deno.test("downloadModel() waits for whoever holds a file's lock, until it is told to stop", async () => {
  await using test = await setUp();
  await test.download();
  const [blob] = (await namesIn(test.folders.blobs)).filter((name) => name.length === 64);
  await Deno.remove(join(test.folders.blobs, blob!));
  const controller = new AbortController();
  const { signal } = controller;
  using _held = await lockFile(join(test.folders.locks, `${blob}.lock`), { signal });
  const waiting = test.download(ID, {
    signal,
    onEvent(event) {
      if (event.kind === "notice") controller.abort(new Error(event.message));
    },
  });
  await assert.rejects(waiting, /another process downloads "model\.safetensors"; waiting for it/);
});
