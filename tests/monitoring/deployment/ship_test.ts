import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { hashModel } from "../../../src/inference/model_hash.ts";
import { describeForHosts, partsOf } from "../../../src/monitoring/deployment/model_parts.ts";
import { lackOf, startS3 } from "../../management/backup/python.ts";
import { uploadToS3 } from "../../../src/monitoring/deployment/ship/s3_upload.ts";
import { testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { type DeployedHome, deployedHome, type OrchestratorOptions } from "./deployed_home.ts";
import { once } from "./traffic.ts";

/** Deploys a model that has a licence and what training leaves beside it, and looks at what arrived. */
async function requireShipped(
  place: DeployedHome,
  options: OrchestratorOptions = {},
): Promise<void> {
  const model = await place.model(0);
  await Deno.writeTextFile(join(model.folder, "LICENSE"), "do as you like");
  await Deno.writeTextFile(join(model.folder, "optimizer.safetensors"), "of no use there");
  using orchestrator = place.orchestrator(options);
  const result = await orchestrator.deploy({ ...model, isJudged: false });
  assert.ok(result.outcome === "ended");
  const { deployment } = result;
  assert.equal(deployment.state, "done", deployment.error ?? "");
  const folder = join(place.host.root, deployment.model.name);
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  assert.deepEqual(names.toSorted(), ["LICENSE", "config.json", "model.safetensors"]);
  assert.equal(await hashModel({ folder }), model.hash);
  assert.equal((await once(place.host, "champion")).hash, model.hash);
  const all = await Array.fromAsync(Deno.readDir(place.host.root), ({ name }) => name);
  assert.deepEqual(all, [basename(folder)], "nothing is left beside it");
}

Deno.test('deploy() ships by "link": hard links, which take no room', async () => {
  await using place = await deployedHome();
  await requireShipped(place);
  const [name] = await Array.fromAsync(Deno.readDir(place.host.root), ({ name }) => name);
  const { nlink } = await Deno.stat(join(place.host.root, name!, "model.safetensors"));
  assert.equal(nlink, 2);
});

Deno.test('deploy() ships by "serve": the host fetches from this process', async () => {
  await using place = await deployedHome({ ship: "serve" });
  await requireShipped(place);
});

Deno.test("deploy() ships by a URL: the host fetches what lies there already", async () => {
  await using place = await deployedHome();
  const model = await place.model(0);
  await Deno.writeTextFile(join(model.folder, "LICENSE"), "do as you like");
  const parts = await partsOf(await describeForHosts({ ...model, weights: "auto" }));
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => {
      const [, root, folder, name] = new URL(request.url).pathname.split("/");
      const file = parts.find((part) => part.folder === folder)?.files
        .find(({ path }) => path === name);
      return root !== "published" || file === undefined
        ? new Response(null, { status: 404 })
        : new Response(Deno.readFileSync(file.source));
    },
  );
  const base = `http://127.0.0.1:${server.addr.port}/published`;
  await requireShipped(place, {
    settings: { hosts: [{ ...place.host.settings, ship: base }] },
  });
});

const NO_MOTO = lackOf(["moto.server"]);

Deno.test({
  name: `deploy() ships by S3: the host fetches by URLs that are signed for it${NO_MOTO}`,
  ignore: NO_MOTO !== "",
  async fn() {
    await using s3 = await startS3();
    await (await fetch(`${s3.url}/bucket`, { method: "PUT" })).body?.cancel();
    await using place = await deployedHome({ ship: "s3://bucket/models" });
    await requireShipped(place, {
      env: { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "secret" },
      settings: { s3Endpoint: s3.url },
    });
  },
});

Deno.test({
  name: `uploadToS3() sends long files in pieces, and files that are there not at all${NO_MOTO}`,
  ignore: NO_MOTO !== "",
  async fn() {
    await using s3 = await startS3();
    await (await fetch(`${s3.url}/bucket`, { method: "PUT" })).body?.cancel();
    await using folder = await temporaryFolder();
    const source = join(folder.path, "long");
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const long = new Uint8Array(11 * 2 ** 20);
    for (let at = 0; at < long.length; at += bytes.length) {
      long.set(bytes.subarray(0, Math.min(bytes.length, long.length - at)), at);
    }
    await Deno.writeFile(source, long);
    const sha256 = createHash("sha256").update(long).digest("hex");
    const file = { source, path: "a b.bin", bytes: long.length, sha256 };
    const options = {
      ...{ endpoint: s3.url, region: "eu-central-1", bucket: "bucket", prefix: "p" },
      env: { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "secret" },
      partBytes: 5 * 2 ** 20,
      signal: new AbortController().signal,
    };
    const first = await uploadToS3([file], options);
    const answer = await fetch(first.get("a%20b.bin")!);
    assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), long);
    await Deno.remove(source); // it is not read a second time
    await (await fetch((await uploadToS3([file], options)).get("a%20b.bin")!)).body?.cancel();
  },
});

const NO_RSYNC = canRun("rsync") ? "" : " (skipped: there is no rsync)";

/** Stands for a connection to another machine: what is said to it is done here. */
const SSH = `#!/bin/sh
while :; do
  case "$1" in -o | -l) shift 2 ;; -*) shift ;; *) break ;; esac
done
shift
exec sh -c "$*"
`;

Deno.test({
  name: `deploy() ships by rsync, to a folder that appears whole${NO_RSYNC}`,
  ignore: NO_RSYNC !== "",
  async fn() {
    await using place = await deployedHome();
    const bin = join(place.folder, "bin");
    await Deno.mkdir(bin);
    await Deno.writeTextFile(join(bin, "ssh"), SSH, { mode: 0o755 });
    const ship = `rsync:user@elsewhere:${place.host.root}`;
    await requireShipped(place, {
      env: { PATH: `${bin}:${Deno.env.get("PATH")}` },
      settings: { hosts: [{ ...place.host.settings, ship }] },
    });
  },
});

testWithData(
  "deploy() ships an adapter and the model that it is for",
  { data: "golden" },
  async (golden) => {
    await using place = await deployedHome();
    const { model, adapter } = JSON.parse(
      await Deno.readTextFile(join(golden, "train_lora_nonzero_b.json")),
    );
    using orchestrator = place.orchestrator();
    const request = {
      id: "polite",
      folder: join(golden, model),
      adapter: join(golden, adapter),
      isJudged: false,
    };
    const result = await orchestrator.deploy(request);
    assert.ok(result.outcome === "ended");
    const { deployment } = result;
    assert.equal(deployment.state, "done", deployment.error ?? "");
    const { hash } = await once(place.host, "champion");
    assert.equal(hash, await hashModel({ folder: request.folder, adapter: request.adapter }));
    const folders = await Array.fromAsync(Deno.readDir(place.host.root), ({ name }) => name);
    assert.equal(folders.length, 2);
    assert.equal((await orchestrator.deploy(request)).outcome, "live already");
  },
);

testWithData(
  "deploy() ships a GGUF file as it is",
  { data: "models/stories260K" },
  async (folder) => {
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    const name = names.find((each) => each.endsWith(".gguf"))!;
    await using place = await deployedHome({ ship: "serve" });
    using orchestrator = place.orchestrator();
    const file = join(folder, name);
    const result = await orchestrator.deploy({ id: name, folder: file, isJudged: false });
    assert.ok(result.outcome === "ended");
    assert.equal(result.deployment.state, "done", result.deployment.error ?? "");
    assert.equal((await once(place.host, "champion")).hash, await hashModel({ folder: file }));
  },
);

function canRun(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}
