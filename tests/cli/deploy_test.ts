import assert from "node:assert/strict";
import { join } from "node:path";
import { tokenRows } from "../core/daemon/test_daemon.ts";
import { type DeployedHome, deployedHome } from "../monitoring/deployment/deployed_home.ts";
import { ADMIN_KEY } from "../monitoring/deployment/test_host.ts";
import { type CliResult, runCli } from "./run_cli.ts";

/** Runs `deploy` in the home, with the key of the host. */
async function deploy(
  { home }: Pick<DeployedHome, "home">,
  ...args: string[]
): Promise<CliResult> {
  return await runCli(["deploy", ...args], {
    env: { LLM_TRAINING_ADMIN_KEY: ADMIN_KEY, LLM_TRAINING_HOME: home },
    cwd: home,
  });
}

Deno.test("deploy plans, judges, deploys, tells and goes back", async () => {
  await using place = await deployedHome();
  const [old, fresh] = [await place.model(0), await place.model(100)];
  await Deno.writeTextFile(join(place.home, "held-out.jsonl"), tokenRows(3, 60));
  const { url, ship } = place.host.settings;
  await Deno.writeTextFile(
    join(place.home, "llm-training.json"),
    JSON.stringify({
      deployment: {
        hosts: [{ name: "web", url, ship }],
        gate: { tasks: ["held-out.jsonl"], licenses: ["mit"] },
        canary: { share: 0 },
        watchSeconds: 0,
      },
    }),
  );
  const json = async (...args: string[]) => {
    const { status, stdout, stderr } = await deploy(place, ...args, "--json");
    assert.notEqual(stdout, "", stderr);
    return { status, stderr, ...JSON.parse(stdout) };
  };
  const plan = await json(old.id, "--dry-run", "--license", "MIT");
  assert.equal(plan.status, 0);
  assert.deepEqual(plan.steps.map(({ step }: { readonly step: string }) => step), [
    ...["gate", "ship", "load", "verify", "switch", "watch", "tidy"],
  ]);
  assert.equal(plan.gate.passed, true);
  const unlicensed = await deploy(place, old.id, "--dry-run");
  assert.equal(unlicensed.status, 1);
  assert.match(unlicensed.stdout, /gate: refused, no licence is told by its model card/);

  const first = await deploy(place, old.id, "--license", "MIT");
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /model-0-[0-9a-f]{12}, deployed\n/);
  assert.match(first.stderr, /load on web: load it beside what runs\nload on web: done\n/);
  const again = await json(old.id, "--license", "MIT");
  assert.deepEqual([again.status, again.outcome], [0, "live already"]);

  const refused = await json(fresh.id, "--license", "MIT");
  assert.deepEqual([refused.status, refused.outcome], [1, "refused"]);
  assert.equal(refused.deployment.steps[0].detail.verdicts[0].verdict, "worse");
  const forced = await json(fresh.id, "--no-gate", "--host", "web");
  assert.deepEqual([forced.status, forced.outcome], [0, "done"]);
  const back = await json("rollback");
  assert.deepEqual([back.status, back.deployment.kind], [0, "rollback"]);

  const status = await deploy(place, "status");
  assert.match(status.stdout, /^host web: model-0-[0-9a-f]{12}, before it model-100-/);
  const history = await deploy(place, "history");
  const lines = history.stdout.trim().split("\n").slice(1);
  assert.deepEqual(
    lines.map((line) => line.trim().split(/ {2,}/)[3]),
    ["went back to it", "deployed", "refused by the gate", "deployed"],
  );
  await deploy(place, "freeze", "--reason", "the holidays");
  const frozen = await deploy(place, fresh.id, "--no-gate");
  assert.equal(frozen.status, 1);
  assert.match(frozen.stderr, /error: Cannot deploy: deployments are frozen since .*the holidays/);
  assert.equal((await json("unfreeze")).frozen, false);
  assert.match((await deploy(place, "resume")).stdout, /nothing to go on with/);
});

Deno.test("deploy says in a line what is wrong with what it was given", async () => {
  await using place = await deployedHome();
  const { id } = await place.model(0);
  const host = ["--host", place.host.url];
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [[], /Cannot deploy without a model: name one/],
    [[id], /Cannot deploy without a host: give --host <url>/],
    [[id, "--host", "web-9"], /"web-9": it is neither a URL nor a host of the settings/],
    [[id, ...host, "--ship", "carrier-pigeon"], /Cannot ship models by "carrier-pigeon"/],
    [["no-such-model", ...host], /Cannot find model "no-such-model"/],
    [["rollback", ...host], /no host has had another model before/],
  ];
  for (const [args, message] of cases) {
    const { status, stderr } = await deploy(place, ...args);
    assert.equal(status, 1, args.join(" "));
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /internal error/);
  }
  await Deno.writeTextFile(
    join(place.home, "llm-training.json"),
    JSON.stringify({ deployment: { canary: { part: 0.1 } } }),
  );
  const { stderr } = await deploy(place, id, ...host);
  assert.match(stderr, /llm-training\.json:1:16.*"canary\.part" is not known/);
});
