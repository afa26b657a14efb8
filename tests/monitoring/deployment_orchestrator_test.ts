import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { deployedHome } from "./deployment/deployed_home.ts";
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
