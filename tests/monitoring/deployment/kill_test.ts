import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  type DeploymentEvent,
  deploymentSettings,
  type StepName,
} from "../../../src/monitoring/deployment_orchestrator.ts";
import { type DeployedHome, deployedHome, type HomeModel, QUICK } from "./deployed_home.ts";
import { ENV } from "./test_host.ts";
import { startTraffic } from "./traffic.ts";

/** Where an orchestrator is killed: by itself, or when the host has done what it asked for, before it hears of that. */
type Kill =
  | { readonly step: StepName; readonly kind: DeploymentEvent["kind"] }
  | { readonly after: string; readonly times?: number };

interface ProgramOptions {
  readonly model: HomeModel;
  readonly kill: Kill;
}

/** Deploys by a process of its own, which is killed, and returns how that ended. */
async function deployAndKill(
  { home, host }: DeployedHome,
  { model, kill }: ProgramOptions,
): Promise<{ readonly signal: string | null; readonly text: string }> {
  const path = fileURLToPath(new URL("./deploy_program.ts", import.meta.url));
  const argument = {
    home,
    settings: {
      ...deploymentSettings({ ...QUICK, canary: { ...QUICK.canary, minSeconds: 0.2 } }),
      hosts: [host.settings],
    },
    request: { ...model, isJudged: false },
    pollMs: 10,
    ...("after" in kill ? {} : { killAt: kill }),
  };
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", path, JSON.stringify(argument)],
    env: { ...ENV, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if ("after" in kill) {
    let { times = 1 } = kill;
    host.meddler = async (request, next) => {
      const answer = await next();
      const what = `${request.method} ${new URL(request.url).pathname}`;
      if (what.startsWith(kill.after) && --times === 0) child.kill("SIGKILL");
      return answer;
    };
  }
  const { signal, stdout, stderr } = await child.output();
  host.meddler = undefined;
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { signal, text };
}

const KILLS: readonly Kill[] = [
  { step: "ship", kind: "begins" },
  { after: "POST /admin/models" },
  { step: "verify", kind: "begins" },
  { after: "PUT /admin/aliases/champion" },
  { after: "PUT /admin/aliases/challenger" },
  { step: "canary", kind: "progress" },
  { after: "PUT /admin/aliases/champion", times: 2 },
  { after: "DELETE /admin/aliases/challenger" },
  { step: "watch", kind: "begins" },
  { after: "DELETE /admin/models" },
];

Deno.test("deploy() that is killed at any step goes on where it was, and users see no failure", async () => {
  await using place = await deployedHome();
  let live = await place.model(0);
  await place.begin(live);
  await using traffic = startTraffic(place.host);
  for (const [i, kill] of KILLS.entries()) {
    const fresh = await place.model(i + 1);
    const words = JSON.stringify(kill);
    const killed = await deployAndKill(place, { model: fresh, kill });
    assert.equal(killed.signal, "SIGKILL", `${words}: ${killed.text}`);
    const [alias] = (await place.host.admin("GET", "/aliases")).data
      .filter(({ alias }: { alias: string }) => alias === "champion");
    const now = (await place.host.admin("GET", `/models/${alias.model}`)).content_hash;
    assert.ok([live.hash, fresh.hash].includes(now), `${words}: one of the two is live`);
    using orchestrator = place.orchestrator();
    const ended = await orchestrator.resume();
    assert.equal(ended?.state, "done", `${words}: ${ended?.error}`);
    const aliases = (await place.host.admin("GET", "/aliases")).data;
    assert.equal(aliases.length, 1, words);
    assert.equal(aliases[0].canary, null);
    const found = await place.host.admin("GET", `/models/${aliases[0].model}`);
    assert.equal(found.content_hash, fresh.hash, words);
    assert.equal(await orchestrator.resume(), undefined);
    live = fresh;
  }
  await traffic.stop();
  assert.deepEqual(traffic.failures.slice(0, 3), []);
  const { length } = (await place.host.admin("GET", "/models")).data;
  assert.equal(length, 2, "the live model and the one before");
});

Deno.test("deploy() that is killed while it goes back does so the next time", async () => {
  await using place = await deployedHome();
  const [old, fresh] = [await place.model(0), await place.model(1)];
  await place.begin(old);
  await using traffic = startTraffic(place.host);
  place.host.beforeRun = async (model) => {
    if (!model.startsWith("model-1")) return;
    const aliases = (await place.host.admin("GET", "/aliases")).data;
    if (aliases[0].canary !== null) throw new Error("the device is lost");
  };
  const kill = { step: "restore", kind: "begins" } as const;
  const killed = await deployAndKill(place, { model: fresh, kill });
  assert.equal(killed.signal, "SIGKILL", killed.text);
  using orchestrator = place.orchestrator();
  const result = await orchestrator.deploy({ ...fresh, isJudged: false });
  assert.ok(result.outcome === "ended");
  assert.equal(result.deployment.state, "rolled_back");
  await traffic.stop();
  assert.deepEqual(traffic.failures.slice(0, 3), []);
  const [alias, ...others] = (await place.host.admin("GET", "/aliases")).data;
  assert.deepEqual(others, []);
  assert.equal((await place.host.admin("GET", `/models/${alias.model}`)).content_hash, old.hash);
});

Deno.test("deploy() from two homes at once leaves one live model, and the other's is taken off", async () => {
  await using place = await deployedHome();
  const [old, one, two] = [await place.model(0), await place.model(1), await place.model(2)];
  await place.begin(old);
  await using traffic = startTraffic(place.host);
  using first = place.orchestrator();
  const elsewhere = `${place.folder}/elsewhere`;
  using second = place.orchestrator({ home: elsewhere });
  const results = await Promise.allSettled([
    first.deploy({ ...one, isJudged: false }),
    second.deploy({ ...two, isJudged: false }),
  ]);
  await traffic.stop();
  const states = results.map((each) =>
    each.status === "rejected"
      ? String(each.reason)
      : each.value.outcome === "ended"
      ? each.value.deployment.state
      : each.value.outcome
  );
  const won = states.filter((state) => state === "done");
  assert.equal(won.length, 1, states.join(" | "));
  assert.deepEqual(traffic.failures.slice(0, 3), []);
  const aliases = (await place.host.admin("GET", "/aliases")).data;
  assert.equal(aliases.length, 1);
  assert.equal(aliases[0].canary, null);
  const winner = states[0] === "done" ? one : two;
  const { content_hash } = await place.host.admin("GET", `/models/${aliases[0].model}`);
  assert.equal(content_hash, winner.hash);
  const { length } = (await place.host.admin("GET", "/models")).data;
  assert.equal(length, 2, "the live model and the one before");
});

Deno.test("deploy() refuses while another process of the home deploys", async () => {
  await using place = await deployedHome();
  const [old, fresh] = [await place.model(0), await place.model(1)];
  await place.begin(old);
  let problem: unknown;
  using other = place.orchestrator();
  using orchestrator = place.orchestrator({
    settings: { canary: { ...QUICK.canary, maxSeconds: 0 } },
    onEvent: ({ step, kind }) => {
      if (step !== "verify" || kind !== "begins") return;
      other.deploy({ ...old, isJudged: false }).catch((error) => problem = error);
    },
  });
  await orchestrator.deploy({ ...fresh, isJudged: false });
  assert.match(String(problem), /another process does/);
});
