import assert from "node:assert/strict";
import { join } from "node:path";
import { deployLive } from "../../../src/core/daemon/deploy_live.ts";
import { type LiveModel, writeLiveModel } from "../../../src/core/daemon/live_model.ts";
import type { LogEntry } from "../../../src/core/daemon/log.ts";
import { DAEMON_DEFAULTS } from "../../../src/core/daemon/settings.ts";
import { openSqliteQueue } from "../../../src/management/job_queue/sqlite_queue.ts";
import { systemClock } from "../../../src/utils/clock.ts";
import { homePaths } from "../../../src/utils/paths.ts";
import { cliCommand } from "../../cli/run_cli.ts";
import {
  type DeployedHome,
  deployedHome,
  type HomeModel,
} from "../../monitoring/deployment/deployed_home.ts";
import { ADMIN_KEY } from "../../monitoring/deployment/test_host.ts";
import { until } from "./test_daemon.ts";

/** Makes a model the live one of the home, as a job does. */
async function makeLive({ home }: DeployedHome, { folder }: HomeModel): Promise<void> {
  const live: LiveModel = {
    ...{ checkpoint: folder, model: "tiny", run: folder, job_id: "job-1", dataset_sha256: "" },
    ...{ base: null, since: new Date().toISOString(), fixed_set: null, parent: null },
  };
  await writeLiveModel(homePaths(home).live, live);
}

Deno.test("deployLive() brings what becomes live to hosts, however long one is away, and leaves alone what is refused", async () => {
  await using place = await deployedHome();
  const { host, home } = place;
  const paths = homePaths(home);
  const [first, second, large] = [await place.model(0), await place.model(1), await place.model(2)];
  await Deno.writeFile(join(large.folder, "more.safetensors"), new Uint8Array(100_000));
  const keyFile = join(place.folder, "key");
  await Deno.writeTextFile(keyFile, ADMIN_KEY);
  const { url, ship } = host.settings;
  const deployment = {
    hosts: [{ url, ship, keyFile }],
    gate: { maxBytes: 100_000 },
    ...{ canary: { share: 0 }, watchSeconds: 0, hostTimeoutSeconds: 0.1 },
  };
  await Deno.writeTextFile(paths.settings, JSON.stringify({ deployment }));
  await host.die();
  await makeLive(place, first);
  const log: LogEntry[] = [];
  const stop = new AbortController();
  await using queue = openSqliteQueue(paths.state);
  const running = deployLive({
    ...{ paths, queue, settings: { ...DAEMON_DEFAULTS, pollSeconds: 0.5 }, clock: systemClock },
    readHome: () => Promise.resolve({}),
    startTrainer: () => assert.fail("nothing is trained"),
    log: (entry) => void log.push(entry),
  }, { program: cliCommand(), home, signal: stop.signal, retryMs: 100 });
  const said = (words: RegExp) =>
    until(() => log.find(({ message }) => words.test(message)), String(words));
  try {
    await said(/The model is not deployed: .*cannot be reached/);
    await host.revive();
    await said(/The model is deployed as model-0-/);
    using orchestrator = place.orchestrator();
    orchestrator.freeze();
    await makeLive(place, second);
    await makeLive(place, large);
    orchestrator.unfreeze();
    await said(/The model is not deployed: .*more than the 100 kB/);
    const { length } = log;
    await makeLive(place, second);
    await said(/The model is not deployed, the one before is live: .*no task is set/);
    assert.equal(log.slice(length).filter(({ message }) => /model-2/.test(message)).length, 0);
    const [alias] = (await host.admin("GET", "/aliases")).data;
    assert.match(alias.model, /^model-0-/);
  } finally {
    stop.abort();
    await running;
  }
});
