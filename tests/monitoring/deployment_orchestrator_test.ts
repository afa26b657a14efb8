import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type {
  Deployment,
  DeploymentOrchestrator,
} from "../../src/monitoring/deployment_orchestrator.ts";
import type { HostSettings } from "../../src/monitoring/deployment/host_settings.ts";
import { GATE_DEFAULTS } from "../../src/monitoring/deployment/settings.ts";
import { tokenRows } from "../core/daemon/test_daemon.ts";
import { deployedHome, QUICK } from "./deployment/deployed_home.ts";
import { startTestHost, type TestHost } from "./deployment/test_host.ts";
import { startTraffic } from "./deployment/traffic.ts";

Deno.test("deploy() brings the first model to a host and makes it live", async () => {
  await using place = await deployedHome();
  const model = await place.model(0);
  using orchestrator = place.orchestrator();
  const result = await orchestrator.deploy({ ...model, isJudged: false });
  assert.ok(result.outcome === "ended");
  const { deployment } = result;
  assert.equal(deployment.state, "done", deployment.error ?? "");
  assert.deepEqual(
    deployment.steps.map(({ name, state }) => `${name} ${state}`),
    ["ship", "load", "verify", "canary", "switch", "watch", "tidy"].map((name) => `${name} done`),
  );
  const [alias] = (await place.host.admin("GET", "/aliases")).data;
  assert.equal(alias.alias, "champion");
  assert.equal(alias.model, deployment.model.name);
  const again = await orchestrator.deploy({ ...model, isJudged: false });
  assert.equal(again.outcome, "live already");
  assert.equal(orchestrator.history().length, 1);
});

Deno.test("deploy() tries a second model with a part of the requests, and no user sees a failure", async () => {
  await using place = await deployedHome();
  const [old, fresh, third] = [await place.model(0), await place.model(1), await place.model(2)];
  await place.begin(old);
  await using traffic = startTraffic(place.host);
  using orchestrator = place.orchestrator();
  const result = await orchestrator.deploy({ ...fresh, isJudged: false });
  assert.ok(result.outcome === "ended");
  assert.equal(result.deployment.state, "done", result.deployment.error ?? "");
  const canary = result.deployment.steps.find(({ name }) => name === "canary");
  assert.ok(Number(canary?.detail?.["requests"]) >= 4, JSON.stringify(canary));
  const last = await orchestrator.deploy({ ...third, isJudged: false });
  assert.ok(last.outcome === "ended" && last.deployment.state === "done");
  await traffic.stop();
  assert.deepEqual(traffic.failures, []);
  const hashes = [...new Set(traffic.seen.map(({ hash }) => hash))];
  assert.deepEqual(hashes, [old.hash, fresh.hash, third.hash]);
  // the live one and the one before stay, what nobody needs is gone
  const names = (await place.host.admin("GET", "/models")).data
    .map(({ content_hash }: { content_hash: string }) => content_hash);
  assert.deepEqual(names.toSorted(), [fresh.hash, third.hash].toSorted());
  const { model } = result.deployment;
  assert.ok(existsSync(join(place.host.root, model.name)));
});

/** Deploys and returns where that ended. */
async function deploy(
  orchestrator: DeploymentOrchestrator,
  request: Parameters<DeploymentOrchestrator["deploy"]>[0],
): Promise<Deployment> {
  const result = await orchestrator.deploy(request);
  assert.ok(result.outcome === "ended", result.outcome);
  return result.deployment;
}

/** Returns the hash of the model that clients of a host get. */
async function liveHash(host: TestHost): Promise<string | null> {
  const all: readonly { readonly alias: string; readonly model: string }[] =
    (await host.admin("GET", "/aliases")).data;
  const alias = all.find(({ alias }) => alias === "champion");
  return alias === undefined
    ? null
    : (await host.admin("GET", `/models/${alias.model}`)).content_hash;
}

/** Switches at once: there are no clients in these tests. */
const UNTRIED = { canary: { ...QUICK.canary, share: 0 } } as const;

Deno.test("rollback() has clients get the model before, and not one that was left before that", async () => {
  await using place = await deployedHome();
  const models = [await place.model(0), await place.model(1)] as const;
  using orchestrator = place.orchestrator({ settings: UNTRIED });
  await assert.rejects(orchestrator.rollback(), /no host has had another model before/);
  for (const model of models) await deploy(orchestrator, { ...model, isJudged: false });
  assert.equal(await liveHash(place.host), models[1].hash);
  orchestrator.freeze({ reason: "an incident" });
  const back = await orchestrator.rollback();
  assert.deepEqual([back.kind, back.state], ["rollback", "done"]);
  assert.equal(await liveHash(place.host), models[0].hash);
  await assert.rejects(orchestrator.rollback(), /no host has had another model before/);
  await assert.rejects(
    orchestrator.deploy({ ...models[1], isJudged: false }),
    /frozen since .*an incident/,
  );
  orchestrator.unfreeze();
  assert.equal((await deploy(orchestrator, { ...models[1], isJudged: false })).state, "done");
  assert.equal((await orchestrator.rollback()).state, "done");
  assert.equal(await liveHash(place.host), models[0].hash);
});

Deno.test("rollback() finds the model before on a host that was started anew", async () => {
  await using place = await deployedHome();
  const models = [await place.model(0), await place.model(1)] as const;
  using orchestrator = place.orchestrator({ settings: UNTRIED });
  for (const model of models) await deploy(orchestrator, { ...model, isJudged: false });
  await place.host.die();
  await place.host.revive();
  assert.equal((await orchestrator.rollback()).state, "done");
  assert.equal(await liveHash(place.host), models[0].hash);
});

Deno.test("deploy() does not let a worse model pass the gate, and lets a better one", async () => {
  await using place = await deployedHome();
  const [live, worse] = [await place.model(0), await place.model(100)];
  await place.begin(live);
  await Deno.writeTextFile(join(place.home, "held-out.jsonl"), tokenRows(3, 60));
  const gate = { ...GATE_DEFAULTS, tasks: ["held-out.jsonl"] };
  using orchestrator = place.orchestrator({ settings: { ...UNTRIED, gate } });
  const refused = await deploy(orchestrator, worse);
  assert.equal(refused.state, "refused");
  assert.match(refused.error ?? "", /must be better than the live model on "held-out"/);
  assert.deepEqual(refused.steps.map(({ name, attempts }) => `${name} ${attempts}`).slice(0, 2), [
    "gate 1",
    "ship 0",
  ]);
  assert.equal(await liveHash(place.host), live.hash);
  await deploy(orchestrator, { ...worse, isJudged: false });
  const better = await deploy(orchestrator, live);
  assert.equal(better.state, "done", better.error ?? "");
  assert.equal(await liveHash(place.host), live.hash);
});

/** Two hosts, of which the second can be meddled with. */
async function twoHosts(folder: string, first: TestHost): Promise<{
  readonly second: TestHost;
  readonly hosts: readonly HostSettings[];
}> {
  const second = await startTestHost({ name: "web-2", folder: join(folder, "second") });
  return { second, hosts: [first.settings, second.settings] };
}

Deno.test("deploy() changes no host if one of them cannot take the model", async () => {
  await using place = await deployedHome();
  const [old, fresh] = [await place.model(0), await place.model(1)];
  const { second, hosts } = await twoHosts(place.folder, place.host);
  await using _second = second;
  using orchestrator = place.orchestrator({ settings: { ...UNTRIED, hosts } });
  await deploy(orchestrator, { ...old, isJudged: false });
  second.replace = () => old.folder;
  const deployment = await deploy(orchestrator, { ...fresh, isJudged: false });
  assert.equal(deployment.state, "rolled_back");
  assert.match(deployment.error ?? "", /verify on host "web-2"/);
  for (const host of [place.host, second]) {
    assert.equal(await liveHash(host), old.hash);
    const models = (await host.admin("GET", "/models")).data;
    assert.equal(models.length, 1, "what did not get live is taken off");
  }
});

Deno.test("deploy() goes back on hosts that have switched if the next one fails", async () => {
  await using place = await deployedHome();
  const [old, fresh] = [await place.model(0), await place.model(1)];
  const { second, hosts } = await twoHosts(place.folder, place.host);
  await using _second = second;
  const seen: (string | null)[] = [];
  using orchestrator = place.orchestrator({
    settings: { ...UNTRIED, hosts },
    onEvent: ({ step, host, kind }) => {
      if (step !== "switch" || host !== "web-2" || kind !== "begins") return;
      second.meddler = async (request, next) => {
        if (request.method !== "PUT") return await next();
        seen.push(await liveHash(place.host));
        return Response.json({ error: { message: "no", code: "stale_epoch" } }, { status: 409 });
      };
    },
  });
  await deploy(orchestrator, { ...old, isJudged: false }).catch(() => {});
  second.meddler = undefined;
  using untroubled = place.orchestrator({ settings: { ...UNTRIED, hosts } });
  await deploy(untroubled, { ...old, isJudged: false });
  const deployment = await deploy(orchestrator, { ...fresh, isJudged: false });
  second.meddler = undefined;
  assert.equal(deployment.state, "rolled_back");
  assert.equal(seen.at(-1), fresh.hash, "the first had switched");
  assert.equal(await liveHash(place.host), old.hash);
  assert.equal(await liveHash(second), old.hash);
});

Deno.test("deploy() leaves going back to resume() while a host is away for good", async () => {
  await using place = await deployedHome();
  const [old, fresh] = [await place.model(0), await place.model(1)];
  await place.begin(old);
  const settings = { ...UNTRIED, hostTimeoutSeconds: 0.3 };
  using orchestrator = place.orchestrator({
    settings,
    onEvent: ({ step, kind }) => {
      if (step === "watch" && kind === "begins") void place.host.die();
    },
  });
  await assert.rejects(
    orchestrator.deploy({ ...fresh, isJudged: false }),
    /Cannot go back everywhere yet: .*deploy resume/,
  );
  const { unfinished } = await orchestrator.status();
  assert.equal(unfinished?.state, "rolling_back");
  await place.host.revive();
  const ended = await orchestrator.resume();
  assert.equal(ended?.state, "rolled_back", ended?.error ?? "");
  assert.equal(await liveHash(place.host), old.hash);
  assert.equal(await orchestrator.resume(), undefined);
});

Deno.test("resume() gives a host up that never comes back", async () => {
  await using place = await deployedHome();
  await place.begin(await place.model(0));
  using orchestrator = place.orchestrator({
    settings: { ...UNTRIED, hostTimeoutSeconds: 0.1 },
    onEvent: ({ step, kind }) => {
      if (step === "watch" && kind === "begins") void place.host.die();
    },
  });
  const fresh = await place.model(1);
  await assert.rejects(orchestrator.deploy({ ...fresh, isJudged: false }), /go back everywhere/);
  const ended = await orchestrator.resume({ giveUp: true });
  assert.equal(ended?.state, "rolled_back");
  assert.match(ended?.error ?? "", /given up/);
});

Deno.test("rollback() calls off what another process has under way", async () => {
  await using place = await deployedHome();
  const [old, fresh] = [await place.model(0), await place.model(1)];
  await place.begin(old);
  using other = place.orchestrator();
  const calledOff: Promise<Deployment>[] = [];
  using orchestrator = place.orchestrator({
    onEvent: ({ step, kind }) => {
      // nobody asks, so that it goes on being tried
      if (step === "canary" && kind === "progress" && calledOff.length === 0) {
        calledOff.push(other.rollback());
      }
    },
  });
  const deployment = await deploy(orchestrator, { ...fresh, isJudged: false });
  assert.equal(deployment.state, "rolled_back");
  assert.match(deployment.error ?? "", /it was called off/);
  assert.equal((await calledOff[0])?.id, deployment.id);
  assert.equal(await liveHash(place.host), old.hash);
  const settings = { canary: { ...QUICK.canary, maxSeconds: 0 } };
  using again = place.orchestrator({ settings });
  assert.equal((await deploy(again, { ...fresh, isJudged: false })).state, "done");
});

Deno.test("deploy() goes back from a model that fails clients once it is live", async () => {
  await using place = await deployedHome();
  const [old, fresh] = [await place.model(0), await place.model(1)];
  await place.begin(old);
  await using traffic = startTraffic(place.host);
  using orchestrator = place.orchestrator({
    settings: { canary: { ...QUICK.canary, maxErrorRate: 0.1 }, watchSeconds: 60 },
    onEvent: ({ step, kind }) => {
      if (step !== "watch" || kind !== "begins") return;
      let runs = 0;
      place.host.beforeRun = (model) => {
        if (model.startsWith("model-1") && ++runs % 4 === 0) throw new Error("the device is lost");
      };
    },
  });
  const deployment = await deploy(orchestrator, { ...fresh, isJudged: false });
  await traffic.stop();
  assert.equal(deployment.state, "rolled_back");
  assert.match(deployment.error ?? "", /watch.*requests of clients failed since it is live/);
  assert.equal(await liveHash(place.host), old.hash);
});

Deno.test("deploy() does not disturb the trial of another home, unless it is told to take over", async () => {
  await using place = await deployedHome();
  const [old, theirs, ours] = [await place.model(0), await place.model(1), await place.model(2)];
  await place.begin(old);
  const [{ model }] = (await place.host.admin("GET", "/aliases")).data;
  const folder = join(place.host.root, "theirs");
  await Deno.mkdir(folder);
  for (const name of ["config.json", "model.safetensors"]) {
    await Deno.copyFile(join(theirs.folder, name), join(folder, name));
  }
  await place.host.admin("POST", "/models", { name: "theirs", folder: "theirs" });
  const canary = { model: "theirs", share: 0.1 };
  const epoch = Date.now() + 3_600_000; // their clock is fast
  await place.host.admin("PUT", "/aliases/champion", { model, canary, epoch });
  using orchestrator = place.orchestrator({ settings: UNTRIED });
  await assert.rejects(
    orchestrator.deploy({ ...ours, isJudged: false }),
    /"theirs" is being tried there by somebody else; .*--take-over/,
  );
  const taken = await deploy(orchestrator, { ...ours, isJudged: false, takesOver: true });
  assert.equal(taken.state, "done", taken.error ?? "");
  assert.equal(await liveHash(place.host), ours.hash);
});

Deno.test("deploy() takes the place of a model that its host has lost", async () => {
  await using place = await deployedHome();
  const [old, fresh] = [await place.model(0), await place.model(1)];
  await place.begin(old);
  const [{ model }] = (await place.host.admin("GET", "/aliases")).data;
  await place.host.die();
  await Deno.remove(join(place.host.root, model), { recursive: true });
  await place.host.revive();
  using orchestrator = place.orchestrator();
  const deployment = await deploy(orchestrator, { ...fresh, isJudged: false });
  assert.equal(deployment.state, "done", deployment.error ?? "");
  const canary = deployment.steps.find(({ name }) => name === "canary");
  assert.deepEqual(canary?.detail, { skipped: "the model before is broken" });
  assert.equal(await liveHash(place.host), fresh.hash);
});

Deno.test("deploy() removes no model that somebody else has brought", async () => {
  await using place = await deployedHome();
  const models = [await place.model(0), await place.model(1), await place.model(2)];
  const folder = join(place.host.root, "theirs");
  await Deno.mkdir(folder);
  for (const name of ["config.json", "model.safetensors"]) {
    await Deno.copyFile(join(models[0]!.folder, name), join(folder, name));
  }
  await place.host.admin("POST", "/models", { name: "theirs", folder: "theirs" });
  using orchestrator = place.orchestrator({ settings: UNTRIED });
  for (const model of models) await deploy(orchestrator, { ...model, isJudged: false });
  const names = (await place.host.admin("GET", "/models")).data
    .map(({ name }: { readonly name: string }) => name.replace(/-[0-9a-f]{12}$/, ""));
  assert.deepEqual(names.toSorted(), ["model-1", "model-2", "theirs"]);
  assert.ok(existsSync(join(folder, "model.safetensors")));
});

Deno.test("deploy() says what is wrong where it cannot begin", async () => {
  await using place = await deployedHome();
  const model = await place.model(0);
  const { settings } = place.host;
  const cases: readonly (readonly [HostSettings[], RegExp])[] = [
    [[], /Cannot deploy without a host: give --host/],
    [[{ ...settings, keyVariable: "NO_SUCH_KEY" }], /set the variable NO_SUCH_KEY/],
    [[{ ...settings, keyVariable: "READ_KEY" }], /answered 403.*needs a key of role admin/],
    [[{ ...settings, url: "http://127.0.0.1:1" }], /cannot be reached/],
  ];
  for (const [hosts, message] of cases) {
    using orchestrator = place.orchestrator({
      settings: { hosts },
      env: { READ_KEY: "a-read-key" },
    });
    await assert.rejects(orchestrator.deploy(model), { name: "UserError", message });
    assert.deepEqual(orchestrator.history(), []);
  }
});
