/**
 * The gate: what a model must have shown before it goes anywhere. Speed decides nothing here; the canary watches it.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { DeviceWish } from "../../engine/runtime/devices.ts";
import { loadModel } from "../../inference/generation/load_model.ts";
import { UserError } from "../../utils/errors.ts";
import { formatBytes } from "../../utils/format.ts";
import { evaluate } from "../evaluation/evaluate.ts";
import type { Evaluation } from "../evaluation/evaluation.ts";
import { readEvaluation, writeEvaluation } from "../evaluation/evaluation_file.ts";
import { createEvaluationModel } from "../evaluation/evaluation_model.ts";
import { openTask } from "../evaluation/open_task.ts";
import type { Task } from "../evaluation/task.ts";
import { type Comparison, ModelComparisonEngine } from "../model_comparison_engine.ts";
import type { DeployedModel } from "./deployment.ts";
import type { GateSettings } from "./settings.ts";

/** What a model must be on a task. */
export type GateDemand = "better" | "not worse";

/** What was found on a task. */
export interface GateVerdict
  extends Pick<Comparison, "task" | "metric" | "verdict" | "difference" | "interval" | "n"> {
  /** What the model must be. */
  readonly demand: GateDemand;
  /** The live model that it was compared with. */
  readonly reference: string;
  /** The p-value, corrected. */
  readonly p_value: number;
  /** Whether it is. */
  readonly passed: boolean;
  /** In words. */
  readonly summary: string;
}

/** What the gate found. */
export interface GateReport {
  /** Whether the model may go on. */
  readonly passed: boolean;
  /** Why not; null if it may. */
  readonly refusal: string | null;
  /** What was found on each task; empty where there is no model to compare with. */
  readonly verdicts: readonly GateVerdict[];
  /** Bytes of its files. */
  readonly bytes: number;
  /** Its licence. */
  readonly license: string | null;
}

/** A live model, as far as it must be known to be compared with. */
export type ReferenceModel = Pick<DeployedModel, "name" | "contentHash"> & {
  /** Its folder here; null if it is not here any more. */
  readonly folder: string | null;
  /** Its adapter. */
  readonly adapter: string | null;
};

/** Options of {@linkcode judge}. */
export interface JudgeOptions {
  /** What is demanded. */
  readonly gate: GateSettings;
  /** The live models of the hosts that it goes to. */
  readonly references: readonly ReferenceModel[];
  /** What tasks are relative to. */
  readonly home: string;
  /** Where evaluations are kept, by content of model and task. */
  readonly folder: string;
  /** Where to compute. @default {"auto"} */
  readonly device?: DeviceWish | undefined;
  /** CPU threads. @default {by the machine} */
  readonly threads?: number | undefined;
  /** Told how far it is. @default {nobody} */
  readonly onProgress?: (words: string) => void;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

/**
 * Judges a model.
 *
 * @throws {UserError} If it cannot be judged, which says nothing about the model.
 */
export async function judge(model: DeployedModel, options: JudgeOptions): Promise<GateReport> {
  const { gate, references } = options;
  const { bytes, license } = model;
  const head = { bytes, license };
  const refusal = sizeRefusal(model, gate) ?? licenseRefusal(model, gate);
  if (refusal !== null) return { passed: false, refusal, verdicts: [], ...head };
  const demands: readonly (readonly [GateDemand, readonly string[]])[] = [
    ["better", gate.tasks ?? []],
    ["not worse", gate.noRegression ?? []],
  ];
  if (references.length > 0 && (gate.tasks ?? []).length === 0) {
    throw new UserError(
      `Cannot judge "${model.name}" by the live model: no task is set; give --task <task>, or --no-gate to deploy ` +
        "without a verdict",
    );
  }
  const verdicts: GateVerdict[] = [];
  for (const reference of references) {
    for (const [demand, tasks] of demands) {
      for (const task of tasks) {
        verdicts.push(await compareOn(task, { model, reference, demand, options }));
      }
    }
  }
  const failed = verdicts.find(({ passed }) => !passed);
  return {
    passed: failed === undefined,
    refusal: failed === undefined
      ? null
      : `it must be ${failed.demand} than the live model on "${failed.task}": ${failed.summary}`,
    verdicts,
    ...head,
  };
}

function sizeRefusal({ bytes }: DeployedModel, { maxBytes }: GateSettings): string | null {
  if (maxBytes === null || bytes <= maxBytes) return null;
  return `it has ${formatBytes(bytes)}, more than the ${formatBytes(maxBytes)} that are allowed`;
}

function licenseRefusal({ license }: DeployedModel, { licenses }: GateSettings): string | null {
  if (licenses === null) return null;
  const allowed = licenses.map((each) => each.toLowerCase());
  if (license !== null && allowed.includes(license.toLowerCase())) return null;
  const state = license === null
    ? "no licence is told by its model card (README.md); --license <name> tells one"
    : `its licence is "${license}"`;
  return `${state}; allowed are ${licenses.join(", ")}`;
}

async function compareOn(
  specifier: string,
  { model, reference, demand, options }: {
    readonly model: DeployedModel;
    readonly reference: ReferenceModel;
    readonly demand: GateDemand;
    readonly options: JudgeOptions;
  },
): Promise<GateVerdict> {
  const { gate: { minimumGain, confidence, limit }, home, signal } = options;
  const inHome = join(home, specifier);
  const place = !isAbsolute(specifier) && existsSync(inHome) ? inHome : specifier;
  const task = await openTask(place, { limit: limit ?? undefined, folder: home, signal });
  const candidate = await evaluationOf(model, task, options);
  const live = await evaluationOf(reference, task, options);
  const engine = new ModelComparisonEngine({
    minimumEffect: demand === "better" ? minimumGain : 0,
    confidence,
  });
  const found = engine.compare(candidate, live);
  const { metric, verdict, difference, interval, n, correctedPValue, summary } = found;
  return {
    ...{ task: found.task, metric, verdict, difference, interval, n, demand },
    reference: reference.name,
    p_value: correctedPValue,
    passed: demand === "better" ? verdict === "better" : verdict !== "worse",
    summary,
  };
}

async function evaluationOf(
  model: ReferenceModel,
  task: Task,
  { folder, device = "auto", threads, signal, onProgress = () => {} }: JudgeOptions,
): Promise<Evaluation> {
  const path = join(folder, `${model.contentHash}-${task.hash}.jsonl`);
  if (existsSync(path)) return await readEvaluation(path);
  if (model.folder === null) {
    throw new UserError(
      `Cannot compare with the live model "${model.name}": it is not on this machine; name it by --reference <model>`,
    );
  }
  await using loaded = await loadModel(model.folder, {
    device,
    ...(model.adapter === null ? {} : { adapter: model.adapter }),
    ...(threads === undefined ? {} : { threads }),
  });
  const count = task.items.length;
  const evaluation = await evaluate(task, {
    model: createEvaluationModel(loaded, { id: model.name }),
    identity: { id: model.name, folder: model.adapter ?? model.folder, device: loaded.device },
    onItem: (_, done) => onProgress(`${model.name} on ${task.name}: ${done} of ${count} items`),
    signal,
  });
  if (evaluation.outcomes.error === count) {
    const first = evaluation.results[0]?.error;
    throw new UserError(
      `Cannot evaluate "${model.name}" on "${task.name}": no item has an answer, the first as: ${first}`,
    );
  }
  await Deno.mkdir(folder, { recursive: true });
  if (evaluation.outcomes.error === 0) await writeEvaluation(path, evaluation);
  return evaluation;
}
