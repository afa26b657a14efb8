/**
 * What a run did to the model: the loss on a fixed set before and after, and the verdict of a program.
 *
 * @module
 */

import { join } from "node:path";
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { findPreset } from "../../models/presets.ts";
import { storeDataset } from "./dataset_store.ts";
import type { DaemonContext } from "./context.ts";
import { type FixedSetLoss, readLiveModel } from "./live_model.ts";
import { baseOfCheckpoint, type ModelPlace, modelSettings, type RunPlan } from "./run_plan.ts";
import { runLossTrainer } from "./train_run.ts";

/** What a run did to the model on the fixed set. */
export interface FixedSetEffect {
  /** SHA-256 of the set. */
  readonly dataset_sha256: string;
  /** Loss of the model that was trained; null if that was not trained before. */
  readonly before: number | null;
  /** Loss of the model that came of it. */
  readonly after: number;
  /** The second minus the first; null if there is no first. */
  readonly change: number | null;
}

/** What is said of a model that a run made. */
export interface ModelVerdict {
  /** On the fixed set; null if there is none. */
  readonly fixedSet: FixedSetEffect | null;
  /** Why it must not become the live one; null if nothing is against it. */
  readonly refusal: string | null;
}

/** Options of {@linkcode judgeModel}. */
export interface JudgeOptions {
  /** The run that made it. */
  readonly plan: RunPlan;
  /** Its checkpoint. */
  readonly checkpoint: string;
  /** Settings that the job gave. */
  readonly settings: JsonObject;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Evaluates the model that a run made.
 *
 * @throws {Error} If the evaluation itself failed, which says nothing about the model.
 */
export async function judgeModel(
  context: DaemonContext,
  options: JudgeOptions,
): Promise<ModelVerdict> {
  const fixedSet = context.settings.fixedSet === null
    ? null
    : await fixedSetEffect(context, { ...options, path: context.settings.fixedSet });
  const { regressionTolerance } = context.settings;
  if (fixedSet !== null && fixedSet.before !== null) {
    const limit = fixedSet.before * (1 + regressionTolerance);
    if (!(fixedSet.after <= limit)) {
      return {
        fixedSet,
        refusal: `the loss on the fixed set rose from ${fixedSet.before.toFixed(4)} to ` +
          `${fixedSet.after.toFixed(4)}, more than ${(100 * regressionTolerance).toFixed(1)} %`,
      };
    }
  }
  return { fixedSet, refusal: await commandRefusal(context, options) };
}

async function fixedSetEffect(
  context: DaemonContext,
  { path, plan, checkpoint, settings, signal }: JudgeOptions & { readonly path: string },
): Promise<FixedSetEffect> {
  const { paths, startTrainer } = context;
  const { sha256, path: stored } = await storeDataset(paths.data, path);
  const measure = async (place: ModelPlace | undefined, name: string): Promise<number> => {
    const config = join(plan.folder, "evaluation.json");
    const changed = {
      ...settings,
      ...modelSettings(place, name),
      dataset: stored,
    };
    await writeFileAtomic(config, `${JSON.stringify(changed, null, 2)}\n`);
    const args = ["train", "--supervised", "--evaluate-only", "--config", config];
    return (await runLossTrainer({ startTrainer, args, signal })).loss;
  };
  const after = await measure(
    { checkpoint, base: await baseOfCheckpoint(plan.folder, checkpoint) },
    plan.origin.model,
  );
  const before = await lossBefore(context, { plan, sha256, measure });
  return {
    dataset_sha256: sha256,
    before,
    after,
    change: before === null ? null : after - before,
  };
}

/** The loss of the model that a run trained on from; a preset has none before it is trained. */
async function lossBefore(
  { paths }: DaemonContext,
  { plan, sha256, measure }: {
    readonly plan: RunPlan;
    readonly sha256: string;
    readonly measure: (place: ModelPlace | undefined, name: string) => Promise<number>;
  },
): Promise<number | null> {
  const { parent, model } = plan.origin;
  if (parent === null) {
    return findPreset(model) === undefined ? await measure(undefined, model) : null;
  }
  const live = await readLiveModel(paths.live);
  if (live?.checkpoint === parent && live.fixed_set?.dataset_sha256 === sha256) {
    return live.fixed_set.loss;
  }
  return await measure({
    checkpoint: parent,
    base: await baseOfCheckpoint(join(parent, "..", ".."), parent),
  }, model);
}

/** Returns the loss on the fixed set as it is kept with a model. */
export function keptLoss(effect: FixedSetEffect | null): FixedSetLoss | null {
  return effect === null ? null : { dataset_sha256: effect.dataset_sha256, loss: effect.after };
}

async function commandRefusal(
  { settings, paths }: DaemonContext,
  { checkpoint, signal }: JudgeOptions,
): Promise<string | null> {
  const [program, ...args] = settings.evaluateCommand ?? [];
  if (program === undefined) return null;
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, {
      args: [...args, checkpoint],
      env: { LLM_TRAINING_HOME: join(paths.settings, "..") },
      cwd: join(paths.settings, ".."),
      stdin: "null",
      signal,
    }).output();
  } catch (error) {
    signal.throwIfAborted();
    throw new UserError(`Cannot evaluate with "${program}": it cannot be started`, {
      cause: error,
    });
  }
  signal.throwIfAborted();
  if (output.success) return null;
  const words = new TextDecoder().decode(output.stderr.length > 0 ? output.stderr : output.stdout);
  const line = words.trim().split("\n").at(-1);
  return `"${program}" refused it with exit status ${output.code}${line ? `: ${line}` : ""}`;
}
