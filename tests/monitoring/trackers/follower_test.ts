import assert from "node:assert/strict";
import { join } from "node:path";
import { openTrackers } from "../../../src/monitoring/trackers/open_trackers.ts";
import { Follower } from "../../../src/monitoring/trackers/follower.ts";
import {
  type RunOutcome,
  type TrackedSample,
  type Tracker,
  type TrackerPosition,
  TrackerRefusal,
} from "../../../src/monitoring/trackers/tracker.ts";
import { createRandom } from "../../../src/utils/random.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { makeRun } from "../made_run.ts";

const FAST = { intervalMs: 0, minDelayMs: 1 };

/** A tracker that keeps what it is told, and fails as it is told to. */
class Memory implements Tracker {
  readonly steps: number[] = [];
  readonly samples: string[] = [];
  outcome: RunOutcome | undefined;
  opened = 0;
  fault: () => Promise<void> | void = () => {};
  position: TrackerPosition = { step: 0, samples: 0 };

  async open(): Promise<TrackerPosition> {
    this.opened++;
    await this.fault();
    return this.position;
  }
  async log(metrics: readonly { readonly step: number }[]): Promise<void> {
    await this.fault();
    this.steps.push(...metrics.map(({ step }) => step));
  }
  async sample(samples: readonly TrackedSample[]): Promise<void> {
    await this.fault();
    this.samples.push(...samples.map(({ step, prompt }) => `${step} ${prompt}`));
  }
  async finish(outcome: RunOutcome): Promise<void> {
    await this.fault();
    this.outcome = outcome;
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

Deno.test("Follower shows every step once, however often the tracker fails, and tells of it once", async () => {
  await using folder = await temporaryFolder();
  using run = await makeRun(join(folder.path, "run"));
  const tracker = new Memory();
  const random = createRandom(3);
  let faults = 0;
  tracker.fault = () => {
    if (faults === 0 || random.next() < 0.4) throw new Error(`fault ${++faults}`);
  };
  const problems: string[] = [];
  const onProblem = (message: string) => problems.push(message);
  await using follower = new Follower(tracker, { folder: run.folder, onProblem, ...FAST });
  for (const step of upTo(450)) {
    run.steps(step, step);
    if (step % 150 === 0) run.sample(step);
    follower.notify();
    if (step % 90 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await follower.finish("finished", 20_000);
  assert.deepEqual(tracker.steps, upTo(450));
  assert.equal(tracker.samples.length, 6);
  assert.equal(tracker.outcome, "finished");
  assert.ok(faults > 1);
  assert.equal(problems.length, 1);
  assert.match(problems[0]!, /^fault 1; the run goes on/);
});

Deno.test("Follower skips what the tracker has already, and sends what it missed", async () => {
  await using folder = await temporaryFolder();
  using run = await makeRun(join(folder.path, "run"));
  run.sample(0);
  run.steps(1, 20);
  const tracker = new Memory();
  tracker.position = { step: 7, samples: 1 };
  const onProblem = (message: string) => assert.fail(message);
  await using follower = new Follower(tracker, { folder: run.folder, onProblem, ...FAST });
  await follower.finish("interrupted", 20_000);
  assert.deepEqual(tracker.steps, upTo(20).slice(7));
  assert.deepEqual(tracker.samples, ["0 Ünïcode <b>"]);
});

Deno.test("Follower leaves out a tracker that refuses, and ends at once", async () => {
  await using folder = await temporaryFolder();
  using run = await makeRun(join(folder.path, "run"));
  const tracker = new Memory();
  tracker.fault = () => {
    throw new TrackerRefusal("the key is wrong");
  };
  const problems: string[] = [];
  const onProblem = (message: string) => problems.push(message);
  await using follower = new Follower(tracker, { folder: run.folder, onProblem, ...FAST });
  await follower.finish("finished", 20_000);
  assert.equal(tracker.opened, 1);
  assert.deepEqual(problems, ["the key is wrong; it is left out from here on"]);
});

Deno.test("Follower gives up a tracker that hangs, and the run waits no longer than it is told to", async () => {
  await using folder = await temporaryFolder();
  using run = await makeRun(join(folder.path, "run"));
  run.steps(1, 3);
  const tracker = new Memory();
  tracker.fault = () => new Promise(() => {});
  const problems: string[] = [];
  const onProblem = (message: string) => problems.push(message);
  const timeouts = { timeoutMs: 40, ...FAST };
  await using follower = new Follower(tracker, { folder: run.folder, onProblem, ...timeouts });
  const startedMs = performance.now();
  await follower.finish("finished", 200);
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs >= 190 && tookMs < 5000, `${tookMs} ms`);
  assert.equal(problems.length, 1);
  assert.match(problems[0]!, /no answer within 0\.04 s; the run goes on/);
  assert.ok(tracker.opened > 1, "it was tried again");
});

for (
  const [name, message, serve] of [
    ["refuses connections", /cannot be reached: .*refused/i, undefined],
    ["answers 500", /answers 500: down;/, () => new Response("<p>down</p>", { status: 500 })],
    ["hangs", /no answer within 0\.05 s/, () => new Promise<Response>(() => {})],
    ["answers nonsense", /check its address; it is left out/, () => new Response("hello")],
  ] as const
) {
  Deno.test(`openTrackers() ends in bounded time with one problem each when a server ${name}`, async () => {
    await using folder = await temporaryFolder();
    using run = await makeRun(join(folder.path, "run"));
    run.steps(1, 3);
    const url = addressOf(serve);
    const common = { url: url.address, authorization: null, project: "p", runName: null };
    const problems: string[] = [];
    await using trackers = openTrackers(
      [{ kind: "mlflow", ...common }, { kind: "wandb", entity: null, ...common }],
      {
        run: run.tracked,
        onProblem: (tracker, message) => problems.push(`${tracker}: ${message}`),
        pace: { intervalMs: 0, minDelayMs: 5, timeoutMs: 50, finishMs: 300 },
      },
    );
    trackers.notify();
    const startedMs = performance.now();
    await trackers.finish("finished");
    assert.ok(performance.now() - startedMs < 5000);
    assert.deepEqual(problems.map((problem) => problem.split(":")[0]).sort(), ["mlflow", "wandb"]);
    for (const problem of problems) assert.match(problem, message);
    await url.close();
  });
}

/** Serves on a free port, or returns the address of one where nobody listens. */
function addressOf(
  serve: (() => Response | Promise<Response>) | undefined,
): { readonly address: string; close(): Promise<void> } {
  if (serve === undefined) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return { address: `http://127.0.0.1:${listener.addr.port}`, close: () => Promise.resolve() };
  }
  const stop = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, signal: stop.signal },
    async () => {
      const left = new Promise<Response>((resolve) => {
        stop.signal.addEventListener("abort", () => resolve(new Response()));
      });
      return await Promise.race([serve(), left]);
    },
  );
  const { port } = server.addr as Deno.NetAddr;
  return {
    address: `http://127.0.0.1:${port}`,
    async close() {
      stop.abort();
      await server.finished;
    },
  };
}
