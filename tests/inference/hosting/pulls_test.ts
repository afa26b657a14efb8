import assert from "node:assert/strict";
import { join } from "node:path";
import { Pulls } from "../../../src/inference/hosting/pulls.ts";
import type { PullFile } from "../../../src/inference/hosting/pull_spec.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { type FileServer, startFileServer } from "./file_server.ts";
import { startToyHost, type ToyHost } from "./toy_host.ts";

const LARGE = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) % 251);

async function started(): Promise<
  { readonly files: FileServer; readonly server: ToyHost } & AsyncDisposable
> {
  const files = startFileServer();
  const server = await startToyHost({ models: { base: {} } });
  return {
    files,
    server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await files[Symbol.asyncDispose]();
    },
  };
}

async function pull(server: ToyHost, files: readonly PullFile[], folder = "fetched") {
  const { status, body } = await server.admin("POST", "/admin/pulls", { folder, files });
  return { status, code: body.error?.code, body };
}

/** What lies in the model root, hidden or not. */
async function there(server: ToyHost): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(server.root), ({ name }) => name);
  return names.filter((name) => name !== "base").sort();
}

Deno.test("/admin/pulls fetches a folder that appears whole, once, and that can be loaded", async () => {
  await using scope = await started();
  const { files, server } = scope;
  const spec = [
    files.add("toy.json", '{"salt": "fetched"}'),
    files.add("weights/large.bin", LARGE),
    files.add("empty.txt", ""),
  ];
  const first = await pull(server, spec, "runs/seven");
  assert.equal(first.status, 201, JSON.stringify(first.body));
  const path = join(server.root, "runs", "seven");
  const bytes = LARGE.length + 19;
  assert.deepEqual(first.body, {
    folder: "runs/seven",
    path,
    files: 3,
    bytes,
    done_bytes: bytes,
  });
  assert.deepEqual(await Deno.readFile(join(path, "weights", "large.bin")), LARGE);
  const count = files.requests.length;
  assert.equal((await pull(server, spec, "runs/seven")).status, 200);
  assert.equal(files.requests.length, count, "nothing is fetched again");
  const other = await pull(server, spec.slice(0, 1), "runs/seven");
  assert.deepEqual([other.status, other.code], [409, "folder_exists"]);
  const load = { name: "seven", folder: "runs/seven" };
  assert.equal((await server.admin("POST", "/admin/models", load)).status, 201);
  assert.equal((await server.ask("seven")).body.model, "seven");
  assert.equal((await server.admin("DELETE", "/admin/models/seven?files=true")).status, 204);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(join(server.root, "runs"))), []);
});

Deno.test("/admin/pulls takes up what was cut off, and tries again by itself", async () => {
  await using scope = await started();
  const { files, server } = scope;
  const spec = [files.add("toy.json", "{}"), files.add("large.bin", LARGE)];
  files.misbehave("large.bin", { cutAfter: 100_000, times: 2 });
  assert.equal((await pull(server, spec)).status, 201);
  const begun = files.requests.filter((each) => each.startsWith("large.bin"))
    .map((each) => Number(each.split(" ")[1]));
  assert.equal(begun.length, 3);
  assert.ok(begun[0] === 0 && begun[1]! > 0 && begun[2]! > begun[1]!, `begun at ${begun}`);
  assert.deepEqual(await Deno.readFile(join(server.root, "fetched", "large.bin")), LARGE);
  files.misbehave("toy.json", { status: 503, times: 1 });
  assert.equal((await pull(server, spec, "again")).status, 201);
});

Deno.test("/admin/pulls leaves a folder that is not there, and goes on with it when it is asked again", async () => {
  await using scope = await started();
  const { files, server } = scope;
  const spec = [files.add("toy.json", "{}"), files.add("large.bin", LARGE)];
  files.misbehave("large.bin", { status: 500 });
  const failed = await pull(server, spec);
  assert.deepEqual([failed.status, failed.code], [502, "fetch_failed"]);
  assert.match(failed.body.error.message, /"large.bin": 127.0.0.1:\d+ answers with status 500/);
  assert.doesNotMatch(failed.body.error.message, /secret/);
  assert.deepEqual(await there(server), [".fetched.pull"]);
  const hidden = await server.admin("POST", "/admin/models", {
    name: "x",
    folder: ".fetched.pull",
  });
  assert.equal(hidden.status, 400);
  files.misbehave("large.bin", { times: 0 });
  files.requests.length = 0;
  assert.equal((await pull(server, spec)).status, 201);
  assert.deepEqual(files.requests, ["large.bin 0"], "what was there is not fetched again");
  assert.deepEqual(await there(server), ["fetched"]);
});

Deno.test("/admin/pulls refuses other content, whatever was there before", async () => {
  await using scope = await started();
  const { files, server } = scope;
  const spec = [files.add("large.bin", LARGE)];
  files.misbehave("large.bin", { isWrong: true });
  const wrong = await pull(server, spec);
  assert.deepEqual([wrong.status, wrong.code], [422, "checksum_mismatch"]);
  assert.equal(files.requests.length, 1, "it is not tried again");
  const [file] = spec;
  const longer = await pull(server, [{ ...file!, bytes: LARGE.length + 1 }]);
  assert.deepEqual([longer.status, longer.code], [422, "checksum_mismatch"]);
  files.misbehave("large.bin", { hasNoRanges: true });
  const shorter = await pull(server, [{ ...file!, bytes: LARGE.length - 1 }]);
  assert.deepEqual([shorter.status, shorter.code], [422, "checksum_mismatch"]);
  // a beginning that is wrong is thrown away, and that of a server without ranges is sent anew
  files.misbehave("large.bin", { times: 0 });
  await Deno.mkdir(join(server.root, ".fetched.pull"), { recursive: true });
  const part = join(server.root, ".fetched.pull", ".large.bin.incomplete");
  await Deno.writeFile(part, new Uint8Array(1000));
  await Deno.writeTextFile(join(server.root, ".fetched.pull", "stray.json"), "{}");
  files.requests.length = 0;
  assert.equal((await pull(server, spec)).status, 201);
  assert.deepEqual(files.requests, ["large.bin 1000", "large.bin 0"]);
  assert.deepEqual(
    await Array.fromAsync(Deno.readDir(join(server.root, "fetched")), ({ name }) => name),
    ["large.bin"],
  );
  await Deno.mkdir(join(server.root, ".other.pull"));
  await Deno.writeFile(
    join(server.root, ".other.pull", ".large.bin.incomplete"),
    LARGE.slice(0, 9),
  );
  files.misbehave("large.bin", { hasNoRanges: true });
  assert.equal((await pull(server, spec, "other")).status, 201);
});

Deno.test("/admin/pulls refuses paths and addresses that lead elsewhere, and what has no room", async () => {
  await using scope = await started();
  const { files, server } = scope;
  const file = files.add("toy.json", "{}");
  const code = async (folder: string, spec: readonly PullFile[]) => {
    const { status, code } = await pull(server, spec, folder);
    return `${status} ${code}`;
  };
  for (const folder of ["..", "../x", "/tmp/x", "a/../../x", ".hidden", "a//b", "a\\b", "c:/x"]) {
    assert.equal(await code(folder, [file]), "400 invalid_path", folder);
    assert.equal(await code("x", [{ ...file, path: folder }]), "400 invalid_path", folder);
  }
  const nested = [{ ...file, path: "A" }, { ...file, path: "a/b" }];
  assert.equal(await code("x", nested), "400 invalid_path");
  assert.equal(await code("x", nested.toReversed()), "400 invalid_path");
  assert.equal(await code("x", [file, file]), "400 invalid_path");
  for (const url of ["file:///etc/passwd", "data:,x", "toy.json"]) {
    assert.equal(await code("x", [{ ...file, url }]), "400 invalid_url");
  }
  assert.equal(await code("x", [{ ...file, url: "http://127.0.0.1:1/x" }]), "502 fetch_failed");
  assert.equal(await code("x", [{ ...file, bytes: 2 ** 52 }]), "507 disk_full");
  assert.equal(await code("x", [{ ...file, sha256: "x" }]), "400 invalid_value");
  await using elsewhere = await temporaryFolder();
  await Deno.symlink(elsewhere.path, join(server.root, "link"));
  assert.equal(await code("link/x/y", [file]), "400 outside_model_root");
  assert.equal(await code("link/x", [file]), "400 outside_model_root");
  assert.equal(
    await code("y", [{ ...file, url: file.url.replace("toy", "none") }]),
    "502 fetch_failed",
  );
});

Deno.test("/admin/pulls goes on for who asks twice, tells how far it is, and is called off", async () => {
  await using scope = await started();
  const { files, server } = scope;
  const gate = Promise.withResolvers<void>();
  const spec = [files.add("toy.json", "{}"), files.add("large.bin", LARGE)];
  files.misbehave("large.bin", { until: gate.promise });
  const controller = new AbortController();
  const left = fetch(`${server.url}/admin/pulls`, {
    method: "POST",
    headers: { authorization: "Bearer an-admin-key", "content-type": "application/json" },
    body: JSON.stringify({ folder: "fetched", files: spec }),
    signal: controller.signal,
  });
  while (files.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  controller.abort();
  await assert.rejects(left);
  const { body: { data } } = await server.admin("GET", "/admin/pulls");
  assert.deepEqual(data.map((each: Record<string, unknown>) => [each.folder, each.done_bytes]), [
    ["fetched", 2],
  ]);
  const joined = pull(server, spec);
  gate.resolve();
  assert.equal((await joined).status, 200);
  assert.deepEqual(files.requests, ["toy.json 0", "large.bin 0"]);

  const never = Promise.withResolvers<void>();
  files.misbehave("large.bin", { until: never.promise });
  const stopped = pull(server, spec, "stopped");
  while (files.requests.length < 4) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal((await server.admin("DELETE", "/admin/pulls/stopped")).status, 204);
  assert.equal((await stopped).code, "fetch_failed");
  assert.deepEqual(await there(server), ["fetched"]);
  const again = await server.admin("DELETE", "/admin/pulls/stopped");
  assert.deepEqual([again.status, again.body.error.code], [404, "pull_not_found"]);
  never.resolve();
});

Deno.test("Pulls takes up after a crash what was fetched before it", async () => {
  await using folder = await temporaryFolder();
  await using files = startFileServer();
  const spec = { folder: "x", files: [files.add("a", "first"), files.add("b", LARGE)] };
  const gate = Promise.withResolvers<void>();
  files.misbehave("b", { until: gate.promise });
  const first = new Pulls({ root: folder.path });
  const broken = first.pull(spec);
  while (files.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  first[Symbol.dispose]();
  await assert.rejects(broken, /called off/);
  files.misbehave("b", { times: 0 });
  gate.resolve();
  using second = new Pulls({ root: folder.path });
  assert.equal((await second.pull(spec)).isNew, true);
  assert.deepEqual(files.requests, ["a 0", "b 0", "b 0"]);
});
