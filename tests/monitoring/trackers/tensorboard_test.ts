import assert from "node:assert/strict";
import { join } from "node:path";
import { Follower } from "../../../src/monitoring/trackers/follower.ts";
import { createTensorboardTracker } from "../../../src/monitoring/trackers/tensorboard.ts";
import { python, testWithPackage } from "../../python.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { madeStep, makeRun } from "../made_run.ts";

/** What TensorBoard itself reads of a folder. */
const READ = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
events.Reload()
tags = events.Tags()
def texts(tag):
    return [[e.step, e.tensor_proto.string_val[0].decode()] for e in events.Tensors(tag)]
def plugin(tag):
    return events.SummaryMetadata(tag).plugin_data
start = metadata.parse_session_start_info_plugin_data(plugin(metadata.SESSION_START_INFO_TAG).content)
end = metadata.parse_session_end_info_plugin_data(plugin(metadata.SESSION_END_INFO_TAG).content)
def plain(value):
    kind = value.WhichOneof("kind")
    return getattr(value, kind)
print(json.dumps({
    "scalars": {tag: [[e.step, e.value, e.wall_time] for e in events.Scalars(tag)] for tag in tags["scalars"]},
    "texts": {tag: texts(tag) for tag in tags["tensors"] if plugin(tag).plugin_name == "text"},
    "hparams": {key: plain(value) for key, value in start.hparams.items()},
    "group": start.group_name,
    "status": end.status,
}))
`;

interface Read {
  readonly scalars: Readonly<Record<string, readonly (readonly [number, number, number])[]>>;
  readonly texts: Readonly<Record<string, readonly (readonly [number, string])[]>>;
  readonly hparams: Readonly<Record<string, unknown>>;
  readonly group: string;
  readonly status: number;
}

testWithPackage(
  "TensorBoard reads equal values, each step once, also after a kill and a resume",
  "tensorboard",
  async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "run");
    const onProblem = (message: string) => assert.fail(message);
    {
      using run = await makeRun(path);
      run.sample(0);
      run.steps(1, 10);
      run.sample(10);
      run.steps(11, 13);
      run.sample(13);
      const tracker = createTensorboardTracker({ kind: "tensorboard", folder: null }, run.tracked);
      await using follower = new Follower(tracker, { folder: path, onProblem });
      await follower.finish("failed", 10_000);
      const [name] = await eventFiles(path);
      // what a kill leaves of a record
      await Deno.writeFile(join(path, name!), Uint8Array.of(7, 0, 0), { append: true });
    }
    using run = await makeRun(path, { startStep: 10 });
    run.steps(11, 20);
    run.sample(20);
    const tracker = createTensorboardTracker({ kind: "tensorboard", folder: null }, run.tracked);
    await using follower = new Follower(tracker, { folder: path, onProblem });
    await follower.finish("finished", 10_000);
    assert.equal((await eventFiles(path)).length, 2);

    const read = await python(READ, [path]) as Read;
    const steps = Array.from({ length: 20 }, (_, i) => madeStep(i + 1));
    for (
      const name of ["loss", "grad_norm", "learning_rate", "eval_loss", "memory_bytes"] as const
    ) {
      const expected = steps.flatMap((row) => {
        const value = row[name];
        return value === undefined
          ? []
          : [[row.step, Math.fround(value), Date.parse(row.time) / 1000]];
      });
      assert.deepEqual(read.scalars[name], expected, name);
    }
    assert.deepEqual(
      read.texts["samples/2"],
      [0, 10, 20].map((step) => [
        step,
        `**Ünïcode <b>**\n\nanswer ${step} to Ünïcode <b>`,
      ]),
    );
    assert.match(read.texts["config"]![0]![1], /"learningRate": 0\.001/);
    assert.equal(read.hparams["learningRate"], 1e-3);
    assert.equal(read.hparams["run.device"], "wasm");
    assert.equal(read.group, "run");
    assert.equal(read.status, 1, "success");
  },
);

Deno.test("createTensorboardTracker() gives each run a folder in the one that is named", async () => {
  await using folder = await temporaryFolder();
  const logs = join(folder.path, "logs");
  using run = await makeRun(join(folder.path, "run"));
  run.steps(1, 2);
  const tracker = createTensorboardTracker({ kind: "tensorboard", folder: logs }, run.tracked);
  const onProblem = (message: string) => assert.fail(message);
  await using follower = new Follower(tracker, { folder: run.folder, onProblem });
  await follower.finish("finished", 10_000);
  assert.equal((await eventFiles(join(logs, "run"))).length, 1);
  assert.equal((await eventFiles(run.folder)).length, 0);
});

async function eventFiles(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  return names.filter((name) => name.includes("tfevents")).sort();
}
