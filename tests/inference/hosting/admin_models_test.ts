import assert from "node:assert/strict";
import { hashModel } from "../../../src/inference/model_hash.ts";
import { KEYS, startToyHost } from "./toy_host.ts";

Deno.test("/admin/models loads a model beside others, which clients then use by its name", async () => {
  await using server = await startToyHost({ models: { base: {} } });
  const folder = await server.make("second");
  const hash = await hashModel({ folder });
  const loaded = await server.admin("POST", "/admin/models", {
    name: "second",
    folder: "second",
    content_hash: hash,
    max_context: 64,
  });
  assert.equal(loaded.status, 201);
  assert.deepEqual(loaded.body, {
    name: "second",
    folder,
    adapter: null,
    state: "loaded",
    error: null,
    content_hash: hash,
    bytes: 10,
    weights: "f32",
    max_context: 64,
    device: "wasm",
    is_pinned: false,
  });
  const { body } = await server.ask("second");
  assert.deepEqual([body.model, body.system_fingerprint, body.choices[0].text], [
    "second",
    hash,
    "b",
  ]);
  const list = await server.admin("GET", "/admin/models");
  assert.deepEqual(
    list.body.data.map((each: { name: string; is_pinned: boolean }) => [each.name, each.is_pinned]),
    [["base", true], ["second", false]],
  );
  assert.deepEqual(
    (await server.client.models.list()).data.map(({ id }) => id),
    ["base", "second"],
  );
  assert.equal((await server.ask("third")).status, 404);
});

Deno.test("/admin/models is idempotent by content, and refuses other content under a name", async () => {
  await using server = await startToyHost({ models: { base: {} } });
  await server.make("a");
  await server.make("b");
  const load = (folder: string, more = {}) =>
    server.admin("POST", "/admin/models", { name: "one", folder, ...more });
  const [first, again] = await Promise.all([load("a"), load("a")]);
  assert.deepEqual([first.status, again.status], [201, 200]);
  assert.deepEqual(first.body, again.body);
  assert.equal((await load("a", { max_context: 8 })).body.error.code, "model_exists");
  const other = await load("b");
  assert.deepEqual([other.status, other.body.error.code], [409, "model_exists"]);
  const wrong = await server.admin("POST", "/admin/models", {
    name: "two",
    folder: "a",
    content_hash: "0".repeat(64),
  });
  assert.deepEqual([wrong.status, wrong.body.error.code], [422, "content_hash_mismatch"]);
  assert.equal((await server.admin("GET", "/admin/models/two")).status, 404);
  assert.deepEqual(server.log.filter((line) => line === "open one"), ["open one"]);
});

Deno.test("/admin/models keeps to the model root, and loads nothing that is broken", async () => {
  await using server = await startToyHost({ models: { base: {} } });
  await server.make("broken", { isBroken: true });
  await Deno.symlink("/etc", `${server.root}/link`);
  const load = async (folder: string) => {
    const { status, body } = await server.admin("POST", "/admin/models", { name: "x", folder });
    return [status, body.error.code];
  };
  for (const folder of ["..", "../x", "/etc", ".", "link", "a/../.."]) {
    const [status, code] = await load(folder);
    assert.equal(status, 400, folder);
    assert.match(String(code), /outside_model_root|no_such_folder/);
  }
  assert.deepEqual(await load("/etc"), [400, "outside_model_root"]);
  assert.deepEqual(await load("link"), [400, "outside_model_root"]);
  assert.deepEqual(await load("nowhere"), [400, "no_such_folder"]);
  assert.deepEqual(await load("broken"), [422, "load_failed"]);
  assert.equal((await server.ask("base")).status, 200);
});

Deno.test("/openapi.json describes every route of admins, with its refusals", async () => {
  await using server = await startToyHost({ models: { base: {} } });
  const { paths } = await (await fetch(`${server.url}/openapi.json`)).json();
  const admin = Object.entries(paths as Record<string, Record<string, { responses: object }>>)
    .filter(([path]) => path.startsWith("/admin/"))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([m, d]) => ({ at: `${m} ${path}`, d }))
    );
  assert.deepEqual(admin.map(({ at }) => at).sort(), [
    "delete /admin/aliases/{alias}",
    "delete /admin/models/{name}",
    "delete /admin/pulls/{folder}",
    "get /admin/aliases",
    "get /admin/aliases/{alias}",
    "get /admin/models",
    "get /admin/models/{name}",
    "get /admin/pulls",
    "post /admin/models",
    "post /admin/pulls",
    "put /admin/aliases/{alias}",
  ]);
  for (const { at, d } of admin) {
    for (const status of ["401", "403"]) assert.ok(status in d.responses, `${at} ${status}`);
  }
  const put = admin.find(({ at }) => at.startsWith("put"))!.d.responses;
  for (const status of ["200", "400", "404", "409", "412", "507"]) assert.ok(status in put, status);
});

Deno.test("/admin is closed to all but admins, and to everybody without keys", async () => {
  await using server = await startToyHost({ models: { base: {} } });
  const paths = ["/admin/models", "/admin/models/base", "/admin/aliases", "/admin/aliases/x"];
  const status = async (path: string, authorization?: string) => {
    const response = await fetch(`${server.url}${path}`, {
      headers: authorization === undefined ? {} : { authorization },
    });
    const { error } = await response.json();
    return [response.status, error.code];
  };
  for (const path of paths) {
    assert.deepEqual(await status(path), [401, "invalid_api_key"]);
    assert.deepEqual(await status(path, `Bearer ${KEYS.read}`), [403, "insufficient_role"]);
  }
  await using open = await startToyHost({ models: { base: {} }, isOpen: true });
  for (const path of paths) {
    const { status, body } = await open.admin("GET", path);
    assert.deepEqual([status, body.error.code], [403, "admin_needs_keys"]);
    assert.match(body.error.message, /keys create/);
  }
  assert.equal((await open.ask("base")).status, 200);
});
