import assert from "node:assert/strict";
import { join } from "node:path";
import {
  readEvaluation,
  writeEvaluation,
} from "../../../src/monitoring/evaluation/evaluation_file.ts";
import { openTask } from "../../../src/monitoring/evaluation/open_task.ts";
import { judge, type JudgeOptions } from "../../../src/monitoring/deployment/gate.ts";
import { GATE_DEFAULTS } from "../../../src/monitoring/deployment/settings.ts";
import type { DeployedModel } from "../../../src/monitoring/deployment_orchestrator.ts";
import { tokenRows } from "../../core/daemon/test_daemon.ts";
import { writeTinyModel } from "../../e2e/tiny_model.ts";
import { type TemporaryFolder, temporaryFolder } from "../../temporary_folder.ts";
import { createRandom } from "../../../src/utils/random.ts";

const CANDIDATE: DeployedModel = {
  name: "candidate",
  folder: "",
  adapter: null,
  base: null,
  contentHash: "c",
  weights: "auto",
  bytes: 1000,
  license: "apache-2.0",
};
const LIVE = { name: "live", contentHash: "l", folder: null, adapter: null } as const;

interface Case {
  readonly name: string;
  /** What the candidate's loss is lower by, and by how much that scatters. */
  readonly gain: number;
  readonly scatter: number;
  readonly gate?: Partial<JudgeOptions["gate"]>;
  readonly passed: boolean;
  readonly because?: RegExp;
}

const CASES: readonly Case[] = [
  { name: "a better model", gain: 0.2, scatter: 0.05, passed: true },
  { name: "a worse one", gain: -0.2, scatter: 0.05, passed: false, because: /must be better/ },
  { name: "one that is as good", gain: 0, scatter: 0.05, passed: false, because: /must be better/ },
  {
    name: "one whose gain may be chance",
    gain: 0.01,
    scatter: 1,
    passed: false,
    because: /must be better/,
  },
  {
    name: "one whose gain is too small",
    gain: 0.2,
    scatter: 0.05,
    gate: { minimumGain: 0.5 },
    passed: false,
    because: /must be better/,
  },
  {
    name: "one that is large",
    gain: 0.2,
    scatter: 0.05,
    gate: { maxBytes: 999 },
    passed: false,
    because: /1 kB, more than the 999 B/,
  },
  {
    name: "one whose licence is not allowed",
    gain: 0.2,
    scatter: 0.05,
    gate: { licenses: ["mit", "bsd-3-clause"] },
    passed: false,
    because: /its licence is "apache-2.0"; allowed are mit, bsd-3-clause/,
  },
  {
    name: "one whose licence is allowed",
    gain: 0.2,
    scatter: 0.05,
    gate: { licenses: ["MIT", "Apache-2.0"] },
    passed: true,
  },
];

for (const { name, gain, scatter, gate, passed, because } of CASES) {
  Deno.test(`judge() ${passed ? "lets" : "does not let"} ${name} pass`, async () => {
    await using folder = await temporaryFolder();
    const task = await made(folder, { gain, scatter });
    const report = await judge(CANDIDATE, {
      gate: { ...GATE_DEFAULTS, tasks: [task], ...gate },
      references: [LIVE],
      ...{ home: folder.path, folder: folder.path, signal: new AbortController().signal },
    });
    assert.equal(report.passed, passed, report.refusal ?? "");
    if (because !== undefined) assert.match(report.refusal ?? "", because);
  });
}

Deno.test("judge() refuses a model that is worse on a task that is guarded", async () => {
  await using folder = await temporaryFolder();
  const good = await made(folder, { gain: 0.2, scatter: 0.05 });
  const guarded = await made(folder, { gain: -0.1, scatter: 0.01, seed: 2 });
  const equal = await made(folder, { gain: 0, scatter: 0.05, seed: 3 });
  const options = { references: [LIVE], home: folder.path, folder: folder.path };
  const signal = new AbortController().signal;
  const gate = { ...GATE_DEFAULTS, tasks: [good], noRegression: [equal] };
  assert.equal((await judge(CANDIDATE, { ...options, gate, signal })).passed, true);
  const strict = { ...gate, noRegression: [equal, guarded] };
  const report = await judge(CANDIDATE, { ...options, gate: strict, signal });
  assert.equal(report.passed, false);
  assert.match(report.refusal ?? "", /must be not worse than the live model/);
});

Deno.test("judge() compares with nothing where nothing is live, and wants a task where something is", async () => {
  await using folder = await temporaryFolder();
  const options = {
    gate: GATE_DEFAULTS,
    ...{ home: folder.path, folder: folder.path, signal: new AbortController().signal },
  };
  assert.equal((await judge(CANDIDATE, { ...options, references: [] })).passed, true);
  await assert.rejects(judge(CANDIDATE, { ...options, references: [LIVE] }), /no task is set/);
});

/** Makes a task, and keeps an evaluation of both models on it as if they had been evaluated. */
async function made(
  folder: TemporaryFolder,
  { gain, scatter, seed = 1 }: {
    readonly gain: number;
    readonly scatter: number;
    readonly seed?: number;
  },
): Promise<string> {
  const path = join(folder.path, `task-${seed}.jsonl`);
  await Deno.writeTextFile(path, tokenRows(seed, 60));
  const task = await openTask(path);
  const model = await writeTinyModel(join(folder.path, "model"));
  const place = join(folder.path, `l-${task.hash}.jsonl`);
  await judge({ ...CANDIDATE, folder: model, contentHash: "l" }, {
    gate: { ...GATE_DEFAULTS, tasks: [path] },
    references: [{ ...LIVE, folder: model }],
    ...{ home: folder.path, folder: folder.path, device: "native", threads: 1 },
    signal: new AbortController().signal,
  });
  const live = await readEvaluation(place);
  const random = createRandom(seed);
  const { name } = live.task.metrics[0]!;
  const results = live.results.map((each) => ({
    ...each,
    scores: {
      ...each.scores,
      [name]: each.scores[name]! - gain + scatter * (2 * random.next() - 1),
    },
  }));
  await writeEvaluation(join(folder.path, `c-${task.hash}.jsonl`), { ...live, results });
  return path;
}
