import assert from "node:assert/strict";
import { join } from "node:path";
import { planRollback, planSteps } from "../../../src/monitoring/deployment/deployment.ts";
import {
  DeploymentStore,
  type NewDeployment,
  TermEndedError,
} from "../../../src/monitoring/deployment/store.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const NEW: NewDeployment = {
  kind: "deploy",
  alias: "champion",
  model: {
    ...{ name: "m-1", folder: "/m", adapter: null, base: null, contentHash: "h" },
    ...{ weights: "auto", bytes: 1, license: null },
  },
  source: "/m",
  hosts: [],
  steps: [{ name: "gate", host: null }, { name: "load", host: "a" }],
};

Deno.test("DeploymentStore lets nobody write whose term has ended", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "state.sqlite");
  using first = new DeploymentStore(path, { clock: () => 1000 });
  using second = new DeploymentStore(path, { clock: () => 900 });
  const old = first.beginTerm();
  const { id } = first.create(NEW, old);
  const term = second.beginTerm();
  assert.ok(term > old, "also where the clock is behind");
  assert.throws(() => first.beginStep(id, { position: 0 }, old), TermEndedError);
  assert.throws(() => first.end(id, { state: "done" }, old), TermEndedError);
  second.beginStep(id, { position: 0 }, term);
  assert.equal(first.get(id).steps[0]?.attempts, 1);
  assert.ok(second.beginTerm({ epoch: 10 ** 13 }) > 10 ** 13);
});

Deno.test("DeploymentStore has one deployment under way, and remembers what hosts had first", async () => {
  await using folder = await temporaryFolder();
  using store = new DeploymentStore(join(folder.path, "state.sqlite"), { clock: () => 1000 });
  const term = store.beginTerm();
  const { id } = store.create(NEW, term);
  assert.throws(() => store.create(NEW, term), /UNIQUE/);
  store.noteBefore(id, { host: "a", model: "old", revision: 3 }, term);
  const kept = store.noteBefore(id, { host: "a", model: "new", revision: 4 }, term);
  assert.deepEqual(kept, { model: "old", revision: 3 });
  store.beginStep(id, { position: 1 }, term);
  store.beginRollback(id, { error: "why", steps: planRollback(store.get(id)) }, term);
  const { state, steps } = store.get(id);
  assert.equal(state, "rolling_back");
  assert.deepEqual(steps.slice(2).map(({ name, host }) => `${name} ${host}`), ["unload a"]);
  store.end(id, { state: "rolled_back" }, term);
  assert.equal(store.unfinished(), undefined);
  assert.equal(store.get(id).error, "why");
  assert.throws(() => store.get("deploy-none"), /Cannot find deployment "deploy-none"/);
});

Deno.test("planSteps() makes all hosts ready before the first one switches, and goes back the other way round", () => {
  const hosts = [{ name: "a" }, { name: "b" }];
  const steps = planSteps(hosts, { kind: "deploy", isTried: true, isJudged: true })
    .map(({ name, host }) => host === null ? name : `${name} ${host}`);
  assert.deepEqual(steps, [
    ...["gate", "ship a", "ship b", "load a", "load b", "verify a", "verify b"],
    ...["canary a", "switch a", "watch a", "canary b", "switch b", "watch b", "tidy a", "tidy b"],
  ]);
  const begun = planSteps(hosts, { kind: "deploy", isTried: true, isJudged: true })
    .map((step, position) => ({
      ...step,
      ...{ position, state: "done", attempts: position < 11 ? 1 : 0, startedAtMs: 0 } as const,
      ...{ finishedAtMs: 0, detail: null, error: null },
    }));
  const back = planRollback({ kind: "deploy", steps: begun })
    .map(({ name, host }) => `${name} ${host}`);
  assert.deepEqual(back, ["restore b", "restore a", "unload b", "unload a"]);
});
