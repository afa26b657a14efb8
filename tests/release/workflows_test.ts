import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import config from "../../deno.json" with { type: "json" };
import { RELEASE_PLATFORMS } from "../../src/cli/release_platform.ts";

const folder = new URL("../../.github/workflows/", import.meta.url);
const linter = Deno.env.get("LLM_TRAINING_ACTIONLINT");

Deno.test({
  name: linter === undefined
    ? "actionlint has nothing to say of the workflows (skipped: $LLM_TRAINING_ACTIONLINT names none)"
    : "actionlint has nothing to say of the workflows",
  ignore: linter === undefined,
  async fn() {
    const files = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    const { success, stdout } = await new Deno.Command(linter!, {
      args: ["-no-color", ...files.map((name) => fileURLToPath(new URL(name, folder)))],
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
    }).output();
    assert.ok(success, new TextDecoder().decode(stdout));
  },
});

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<
    Record<string, {
      readonly needs?: string;
      readonly permissions?: Readonly<Record<string, string>>;
      readonly steps: readonly { readonly run?: string; readonly with?: Record<string, unknown> }[];
    }>
  >;
}

async function workflow(name: string): Promise<Workflow> {
  return parse(await Deno.readTextFile(new URL(name, folder)));
}

Deno.test("the workflows run tasks that there are, with the Deno that CI has", async () => {
  const ci = await Deno.readTextFile(new URL("../../.ci/run", import.meta.url));
  const [, version] = /^deno=deno@(\S+)$/m.exec(ci)!;
  for (const name of ["ci.yml", "release.yml"]) {
    const steps = Object.values((await workflow(name)).jobs).flatMap(({ steps }) => steps);
    const wanted = steps.flatMap((step) => step.with?.["deno-version"] ?? []);
    assert.ok(wanted.length > 0 && wanted.every((each) => each === version), name);
    for (const { run = "" } of steps) {
      for (const [, task] of run.matchAll(/deno task (\S+)/g)) {
        assert.ok(task! in config.tasks, `${name}: deno task ${task}`);
      }
    }
  }
});

Deno.test("a release is published after every platform was tried, by jobs with the rights they need", async () => {
  const { jobs, permissions } = await workflow("release.yml");
  assert.deepEqual(permissions, { contents: "read" });
  for (const name of ["publish", "jsr", "container"]) {
    assert.equal(jobs[name]!.needs, "try");
    assert.equal(jobs[name]!.permissions!["id-token"], "write", `${name} signs`);
  }
  assert.equal(jobs.build!.permissions, undefined);
  assert.equal(jobs.try!.permissions, undefined);
  const runners = (jobs.try as unknown as { strategy: { matrix: { runner: string[] } } })
    .strategy.matrix.runner;
  assert.equal(runners.length, RELEASE_PLATFORMS.length);
});
