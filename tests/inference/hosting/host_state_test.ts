import assert from "node:assert/strict";
import { join } from "node:path";
import {
  fileStore,
  type HostStore,
  memoryStore,
} from "../../../src/inference/hosting/host_state.ts";
import { UserError } from "../../../src/utils/errors.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { startToyHost, type ToyHost } from "./toy_host.ts";

async function aliases(server: ToyHost) {
  return (await server.admin("GET", "/admin/aliases")).body.data;
}

Deno.test("a host that starts again serves what it did, with a canary stopped", async () => {
  await using folder = await temporaryFolder();
  const [root, path] = [join(folder.path, "models"), join(folder.path, "home", "serving.json")];
  const store = fileStore(path);
  {
    await using server = await startToyHost({ root, store, models: { base: {} } });
    for (const name of ["a", "b", "c"]) {
      await server.make(name);
      const load = { name, folder: name, max_context: 99, weights: "int8" };
      assert.equal((await server.admin("POST", "/admin/models", load)).status, 201);
    }
    for (const model of ["a", "b"]) {
      await server.admin("PUT", "/admin/aliases/champion", {
        model,
        epoch: 7,
        canary: { model: "c", share: 0.5 },
      });
    }
    await server.admin("PUT", "/admin/aliases/gone", { model: "a" });
    await server.admin("DELETE", "/admin/aliases/gone");
  } // as after a crash: nothing is written at the end
  await using server = await startToyHost({ root, store: fileStore(path), models: { base: {} } });
  const [champion, ...others] = await aliases(server);
  assert.equal(others.length, 0);
  const { canary, ...rest } = champion;
  assert.deepEqual(rest, { alias: "champion", model: "b", previous: "a", revision: 2, epoch: 7 });
  assert.deepEqual([canary.model, canary.state, canary.reason], ["c", "stopped", "restarted"]);
  const { body } = await server.ask("champion");
  assert.equal(body.model, "b");
  const models = (await server.admin("GET", "/admin/models")).body.data;
  assert.deepEqual(
    models.map((each: Record<string, unknown>) => [each.name, each.state, each.max_context]),
    [["base", "loaded", 256], ["a", "unloaded", null], ["b", "loaded", 99], ["c", "loaded", 99]],
  );
  const stale = await server.admin("PUT", "/admin/aliases/champion", { model: "a", epoch: 6 });
  assert.equal(stale.body.error.code, "stale_epoch");
  await server.ask("a"); // loads it
  const changed = await server.admin("PUT", "/admin/aliases/champion", {
    model: "a",
    expected_revision: 2,
  });
  assert.equal(changed.body.revision, 3);
  const again = await server.admin("PUT", "/admin/aliases/gone", { model: "a" });
  assert.equal(again.body.revision, 2);
});

Deno.test("a host starts though models that it served are gone or have changed, and says so", async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "models");
  const store = memoryStore();
  {
    await using server = await startToyHost({ root, store, models: { base: {} } });
    for (const name of ["gone", "changed"]) {
      await server.make(name);
      await server.admin("POST", "/admin/models", { name, folder: name });
      await server.admin("PUT", `/admin/aliases/to-${name}`, { model: name });
    }
    await Deno.remove(join(root, "gone"), { recursive: true });
    await server.make("changed", { salt: "other" });
  }
  const { aliases: kept, ...state } = await store.read();
  await store.write({ ...state, aliases: [...kept, { ...kept[0]!, alias: "lost", model: "old" }] });
  await using server = await startToyHost({ root, store, models: { base: {} } });
  const { body } = await server.admin("GET", "/admin/models");
  const states = body.data.map((each: Record<string, unknown>) => [each.name, each.state]);
  assert.deepEqual(states, [["base", "loaded"], ["gone", "failed"], ["changed", "failed"]]);
  assert.match(body.data[2].error, /SHA-256/);
  assert.equal(server.log.filter((line) => line.startsWith("Cannot load model")).length, 2);
  for (const name of ["to-gone", "to-changed", "lost"]) {
    const { status, body } = await server.ask(name);
    assert.deepEqual([status, body.error.code], [503, "unavailable"], JSON.stringify(body));
  }
  assert.equal((await server.ask("base")).status, 200);
});

Deno.test("a change that cannot be kept is not made", async () => {
  const kept = memoryStore();
  let isFull = false;
  const store: HostStore = {
    read: () => kept.read(),
    write: (state) =>
      isFull ? Promise.reject(new UserError("Cannot write: the disk is full")) : kept.write(state),
  };
  await using server = await startToyHost({ store, models: { a: {}, b: {} } });
  await server.admin("PUT", "/admin/aliases/champion", { model: "a" });
  isFull = true;
  const refused = await server.admin("PUT", "/admin/aliases/champion", { model: "b" });
  assert.deepEqual([refused.status, refused.body.error.code], [507, "not_kept"]);
  assert.equal((await server.ask("champion")).body.model, "a");
  assert.equal((await aliases(server))[0].revision, 1);
  assert.equal((await server.admin("DELETE", "/admin/aliases/champion")).status, 507);
  await server.make("c");
  assert.equal(
    (await server.admin("POST", "/admin/models", { name: "c", folder: "c" })).status,
    507,
  );
  assert.equal((await server.admin("GET", "/admin/models/c")).status, 404);
  isFull = false;
  const changed = await server.admin("PUT", "/admin/aliases/champion", { model: "b" });
  assert.deepEqual([changed.status, changed.body.revision], [200, 2]);
});

Deno.test("fileStore() refuses a file that it cannot understand, in one line", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "serving.json");
  assert.deepEqual(await fileStore(path).read(), { models: [], aliases: [], retired: [] });
  await Deno.writeTextFile(path, '{"version": 1, "models": [{}], "aliases": [], "retired": []}');
  await assert.rejects(fileStore(path).read(), /"models\[0\].name" must be a string/);
});
