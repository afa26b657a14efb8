import assert from "node:assert/strict";
import { join } from "node:path";
import { Follower } from "../../../src/monitoring/trackers/follower.ts";
import { createMlflowTracker } from "../../../src/monitoring/trackers/mlflow.ts";
import type { MlflowSettings } from "../../../src/monitoring/trackers/settings.ts";
import { PYTHON, python, testWithPackage } from "../../python.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { madeStep, makeRun } from "../made_run.ts";

/** What MLflow's own client reads of an experiment. */
const READ = `
import json, sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name(sys.argv[2])
print(json.dumps([{
    "status": run.info.status,
    "name": run.info.run_name,
    "start": run.info.start_time,
    "params": run.data.params,
    "tags": run.data.tags,
    "metrics": {key: [[m.step, m.value, m.timestamp] for m in client.get_metric_history(run.info.run_id, key)]
                for key in run.data.metrics},
    "samples": json.load(open(client.download_artifacts(run.info.run_id, "samples.json", sys.argv[3]))),
} for run in client.search_runs([experiment.experiment_id])]))
`;

interface Read {
  readonly status: string;
  readonly name: string;
  readonly start: number;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, readonly (readonly [number, number, number])[]>>;
  readonly samples: { readonly data: readonly (readonly [number, string, string])[] };
}

testWithPackage(
  "MLflow's server shows parameters, metrics, samples and status, each step once after a resume",
  "mlflow",
  async () => {
    await using folder = await temporaryFolder();
    await using server = await startMlflow(folder.path);
    const path = join(folder.path, "run");
    const settings: MlflowSettings = {
      ...{ kind: "mlflow", url: server.url, authorization: null },
      ...{ project: "my experiment", runName: "my run" },
    };
    const problems: string[] = [];
    const onProblem = (message: string) => problems.push(message);
    const long = "x".repeat(2000);
    {
      using run = await makeRun(path, { config: { adapter: long } });
      run.sample(0);
      run.steps(1, 13);
      const tracker = createMlflowTracker(settings, run.tracked);
      await using follower = new Follower(tracker, { folder: path, onProblem });
      await follower.finish("failed", 30_000);
    }
    using run = await makeRun(path, { startStep: 10, config: { adapter: long, maxSteps: 450 } });
    run.steps(11, 450);
    run.sample(450);
    const tracker = createMlflowTracker(settings, run.tracked);
    await using follower = new Follower(tracker, { folder: path, onProblem });
    await follower.finish("finished", 30_000);
    assert.deepEqual(problems, []);

    const read = await python(READ, [server.url, "my experiment", folder.path]) as Read[];
    assert.equal(read.length, 1);
    const { status, name, start, params, tags, metrics, samples } = read[0]!;
    assert.deepEqual([status, name], ["FINISHED", "my run"]);
    assert.equal(start, Date.parse(run.tracked.info.created));
    assert.equal(params["learningRate"], "0.001");
    assert.equal(params["run.device"], "wasm");
    assert.equal(params["data.0.sha256"], "ab".repeat(32));
    assert.equal(params["adapter"]!.length, 500);
    assert.deepEqual([params["maxSteps"], tags["resumed.maxSteps"]], ["20", "450"]);
    const steps = Array.from({ length: 450 }, (_, i) => madeStep(i + 1));
    for (const key of ["loss", "eval_loss", "learning_rate", "memory_bytes"] as const) {
      const expected = steps.flatMap((row) => {
        const value = row[key];
        return value === undefined ? [] : [[row.step, value, Date.parse(row.time)]];
      });
      assert.deepEqual(metrics[key]!.toSorted(([a], [b]) => a - b), expected, key);
    }
    assert.deepEqual(samples.data.map(([step]) => step), [0, 0, 450, 450]);
    assert.equal(samples.data[3]![2], "answer 450 to Ünïcode <b>");
  },
);

/** Starts MLflow's own server, which keeps all in `folder`. */
async function startMlflow(folder: string): Promise<{ readonly url: string } & AsyncDisposable> {
  const port = freePort();
  const child = new Deno.Command(PYTHON, {
    args: [
      ...["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", String(port)],
      ...["--workers", "1", "--backend-store-uri", `sqlite:///${join(folder, "mlflow.db")}`],
      ...["--artifacts-destination", join(folder, "artifacts")],
    ],
    stdout: "null",
    stderr: "piped",
    env: { MLFLOW_TRACKING_URI: "", MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false" },
    detached: true,
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  let log = "";
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
      log += part;
      if (/Application startup complete/.test(log)) resolve();
    }
    reject(new Error(log));
  })();
  const stop = async () => {
    // the server starts others
    Deno.kill(Deno.build.os === "windows" ? child.pid : -child.pid, "SIGKILL");
    await child.status;
    await reading;
  };
  try {
    await ready;
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
  return { url, [Symbol.asyncDispose]: stop };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
