import assert from "node:assert/strict";
import { startToyHost } from "./toy_host.ts";

const put = (model: string, more = {}) =>
  ["PUT", "/admin/aliases/champion", { model, ...more }] as const;

Deno.test("/admin/aliases points a name at a model, and answers say which one gave them", async () => {
  await using server = await startToyHost({ models: { old: {}, new: {} } });
  const made = await server.admin(...put("old"));
  assert.equal(made.status, 200);
  assert.deepEqual(made.body, {
    alias: "champion",
    model: "old",
    previous: null,
    revision: 1,
    epoch: 0,
    canary: null,
  });
  assert.equal((await server.ask("champion")).body.model, "old");
  const changed = await server.admin(...put("new"));
  assert.deepEqual([changed.body.model, changed.body.previous, changed.body.revision], [
    "new",
    "old",
    2,
  ]);
  const { body } = await server.ask("champion");
  assert.equal(body.model, "new");
  const hash = server.host.model("new").info?.contentHash;
  assert.equal(body.system_fingerprint, hash);
  const listed = (await server.client.models.list()).data;
  assert.deepEqual(listed.map(({ id }) => id), ["old", "new", "champion"]);
  assert.equal((await server.client.models.retrieve("champion") as { root?: string }).root, "new");
  const ready = await (await fetch(`${server.url}/ready`)).json();
  assert.deepEqual(ready, { ready: true, model: "new" });
});

Deno.test("/admin/aliases refuses who has not seen the last change, or whose turn is over", async () => {
  await using server = await startToyHost({ models: { a: {}, b: {} } });
  const outcome = async (model: string, more: Record<string, unknown>) => {
    const { status, body } = await server.admin(...put(model, more));
    return [status, body.error?.code ?? body.revision];
  };
  const both = await Promise.all([
    outcome("a", { expected_revision: 0 }),
    outcome("b", { expected_revision: 0 }),
  ]);
  assert.deepEqual(both.toSorted(), [[200, 1], [412, "revision_mismatch"]]);
  assert.deepEqual(await outcome("b", { expected_revision: 1, epoch: 3 }), [200, 2]);
  assert.deepEqual(await outcome("a", { epoch: 2 }), [409, "stale_epoch"]);
  assert.deepEqual(await outcome("a", { epoch: 3 }), [200, 3]);
  // numbers go on after it was removed, so that nobody mistakes one for another
  assert.equal(
    (await server.admin("DELETE", "/admin/aliases/champion?expected_revision=2")).status,
    412,
  );
  assert.equal((await server.admin("DELETE", "/admin/aliases/champion")).status, 204);
  assert.equal((await server.admin("DELETE", "/admin/aliases/champion")).status, 404);
  assert.equal((await server.ask("champion")).status, 404);
  assert.deepEqual(await outcome("a", { epoch: 2 }), [409, "stale_epoch"]);
  assert.deepEqual(await outcome("a", { expected_revision: 3 }), [412, "revision_mismatch"]);
  assert.deepEqual(await outcome("a", { expected_revision: 0 }), [200, 4]);
});

Deno.test("/admin/aliases keeps models that it points at, and names that are taken", async () => {
  await using server = await startToyHost({ models: { a: {}, b: {} } });
  const code = async (method: string, path: string, body?: unknown) => {
    const answer = await server.admin(method, path, body);
    return [answer.status, answer.body?.error.code];
  };
  assert.deepEqual(await code(...put("c")), [404, "model_not_found"]);
  assert.deepEqual(await code("PUT", "/admin/aliases/a", { model: "b" }), [409, "name_taken"]);
  assert.deepEqual(await code("PUT", "/admin/aliases/-x", { model: "b" }), [400, "invalid_name"]);
  assert.equal((await server.admin(...put("b"))).status, 200);
  assert.deepEqual(await code("DELETE", "/admin/models/b"), [409, "model_in_use"]);
  await server.make("d");
  const load = { name: "champion", folder: "d" };
  assert.deepEqual(await code("POST", "/admin/models", load), [409, "name_taken"]);
  assert.equal((await server.admin(...put("a"))).status, 200);
  assert.deepEqual(await code("DELETE", "/admin/models/b"), [204, undefined]);
  assert.deepEqual(await code("DELETE", "/admin/models/b"), [404, "model_not_found"]);
});

Deno.test("/admin never leaves an alias without its model, or two things with one name, whoever comes first", async () => {
  await using server = await startToyHost({ models: { base: {} } });
  await server.make("other");
  for (let round = 0; round < 30; round++) {
    const name = `m${round}`;
    assert.equal(
      (await server.admin("POST", "/admin/models", { name, folder: "other" })).status,
      201,
    );
    const [removed, pointed, loaded, named] = await Promise.all([
      server.admin("DELETE", `/admin/models/${name}`),
      server.admin("PUT", `/admin/aliases/a${round}`, { model: name }),
      server.admin("POST", "/admin/models", { name: `n${round}`, folder: "other" }),
      server.admin("PUT", `/admin/aliases/n${round}`, { model: "base" }),
    ]);
    const outcome = `${removed.status} ${pointed.status}`;
    assert.match(outcome, /^(204 404|204 409|409 200)$/);
    assert.match(`${loaded.status} ${named.status}`, /^(201 409|409 200)$/);
    if (pointed.status === 200) assert.equal((await server.ask(`a${round}`)).body.model, name);
  }
});
