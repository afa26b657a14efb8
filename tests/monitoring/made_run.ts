/**
 * Folders of runs that no trainer made.
 *
 * @module
 */

import { basename, join } from "node:path";
import type { StepMetrics } from "../../src/monitoring/runs/run_files.ts";
import { type RunInfo, saveRunInfo } from "../../src/monitoring/runs/run_info.ts";
import { RunLog } from "../../src/monitoring/runs/run_log.ts";
import type { TrackedRun } from "../../src/monitoring/trackers/tracker.ts";

/** When the first step of a made run is done, in milliseconds since 1970. */
export const STARTED_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Returns the metrics of a step: loss and norm fall, every fifth step is evaluated. */
export function madeStep(step: number): StepMetrics {
  return {
    time: new Date(STARTED_MS + step * 1000).toISOString(),
    step,
    epoch: step / 10,
    loss: 4 / Math.sqrt(step) + 0.1,
    grad_norm: 1 / step,
    learning_rate: 1e-3 / 3 / step,
    tokens: 64,
    trained_tokens: 60,
    tokens_seen: 64 * step,
    tokens_per_second: 1000 + step,
    memory_bytes: 2e8 + step,
    ...(step % 5 === 0 ? { eval_loss: 5 / Math.sqrt(step) } : {}),
  };
}

/** Returns what a made run is made with. */
export function madeInfo(folder: string, changes: Partial<RunInfo> = {}): RunInfo {
  return {
    id: basename(folder),
    uid: "0b6f2f43-7f2f-4ac6-93a3-5d6a2f3c9d10",
    created: new Date(STARTED_MS).toISOString(),
    versions: { "llm-training": "0.1.0" },
    host: { os: "linux", arch: "x86_64", cpus: 2, memoryBytes: 8e9 },
    device: "wasm",
    deviceReason: "it was asked for",
    model: { name: "demo", type: "qwen3", parameters: 1000, trainedParameters: 1000 },
    data: [{
      ...{ role: "train", path: "/data.jsonl", sha256: "ab".repeat(32) },
      files: [{ path: "/data.jsonl", sha256: "ab".repeat(32) }],
      ...{ rows: 10, examples: 10, tokens: 640, trainedTokens: 600 },
    }],
    totalSteps: 20,
    ...changes,
  };
}

/** The settings of a made run. */
export const MADE_CONFIG = {
  dataset: "/data.jsonl",
  model: "demo",
  learningRate: 1e-3,
  maxSteps: 20,
  evalSteps: null,
  samplePrompts: ["Hello", "Ünïcode <b>"],
};

/** A run that is written step by step. */
export interface MadeRun extends Disposable {
  /** Its folder. */
  readonly folder: string;
  /** Its logs. */
  readonly log: RunLog;
  /** What trackers are told of it. */
  readonly tracked: TrackedRun;
  /** Writes steps, both included. */
  steps(first: number, last: number): void;
  /** Writes what the model answers after a step. */
  sample(step: number): void;
}

/** Options of {@linkcode makeRun}. */
export interface MakeRunOptions {
  /** Steps done before; what was written of later ones is cut off. @default {0} */
  readonly startStep?: number;
  /** Changes what it is made with. */
  readonly info?: Partial<RunInfo>;
  /** Changes its settings. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Begins a run in `folder`, or goes on with one. */
export async function makeRun(
  folder: string,
  { startStep = 0, info: changes = {}, config: settings = {} }: MakeRunOptions = {},
): Promise<MadeRun> {
  await Deno.mkdir(folder, { recursive: true });
  const info = madeInfo(folder, changes);
  const config = { ...MADE_CONFIG, ...settings };
  await saveRunInfo(folder, info);
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
  let now = STARTED_MS;
  const kept = Array.from({ length: startStep }, (_, i) => JSON.stringify(madeStep(i + 1)));
  const metricsBytes = new TextEncoder().encode(kept.map((line) => `${line}\n`).join("")).length;
  const log = new RunLog(folder, { metricsBytes, clock: () => now += 500 });
  log.event(startStep === 0 ? "started" : "resumed", { step: startStep });
  return {
    folder,
    log,
    tracked: { folder, info, config, startStep },
    steps(first, last) {
      for (let step = first; step <= last; step++) log.step(madeStep(step));
    },
    sample(step) {
      for (const prompt of MADE_CONFIG.samplePrompts) {
        log.event("sample", { step, prompt, text: `answer ${step} to ${prompt}` });
      }
    },
    [Symbol.dispose]: () => log[Symbol.dispose](),
  };
}
