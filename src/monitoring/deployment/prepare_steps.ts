/**
 * The steps before a model gets requests: judged, brought, loaded and verified.
 *
 * @module
 */

import { join } from "node:path";
import { WEIGHT_TYPES, type WeightType } from "../../inference/generation/weight_types.ts";
import type { JsonObject } from "../../utils/json.ts";
import { judge } from "./gate.ts";
import {
  type GoldenDifference,
  goldenDifference,
  type GoldenPrompt,
  goldenPrompts,
  isWithin,
  TOLERANCES,
} from "./golden.ts";
import type { HostModel } from "./host_client.ts";
import { partsOf, placesOf } from "./model_parts.ts";
import { shipParts } from "./ship/ship.ts";
import {
  RefusedError,
  type StepContext,
  StepFailedError,
  type StepResult,
} from "./step_context.ts";

/** Judges the model. */
export async function gateStep(context: StepContext): Promise<StepResult> {
  const { deployment, settings, home, folder, device, threads, signal, say } = context;
  const report = await judge(deployment.model, {
    gate: settings.gate,
    references: await context.references(),
    ...{ home, device, threads, signal, onProgress: say },
    folder: join(folder, "evaluations"),
  });
  const detail = { ...report } as unknown as JsonObject;
  if (report.refusal !== null) throw new RefusedError(report.refusal, detail);
  return detail;
}

/** Brings the model's files to the host. */
export async function shipStep(context: StepContext): Promise<StepResult> {
  const { deployment: { model }, client, settings, env, signal } = context;
  const parts = await partsOf(model);
  await shipParts(parts, {
    client,
    s3: { endpoint: settings.s3Endpoint, region: settings.s3Region },
    env,
    signal,
  });
  return { folders: parts.map(({ folder }) => folder), bytes: model.bytes };
}

/** Loads the model on the host, beside what runs. */
export async function loadStep(context: StepContext): Promise<StepResult> {
  const { deployment: { model }, client, step, note } = context;
  const known = await client.model(model.name);
  // said before anything is asked, so that going back leaves what was there before this deployment
  const wasThere = step.detail?.["was_there"] ?? (known !== undefined && step.attempts <= 1);
  note({ was_there: wasThere });
  const loaded = await ensureLoaded(context, known);
  return { was_there: wasThere, weights: loaded.weights, device: loaded.device };
}

/** Has the host load the model, unless it has; a host that came back may have lost it. */
export async function ensureLoaded(
  context: StepContext,
  known: HostModel | undefined,
): Promise<HostModel> {
  const { deployment: { model, kind }, client, wait, pollMs, settings } = context;
  const { name, contentHash, weights } = model;
  let found = known ?? await client.model(name);
  for (let waitedMs = 0; found?.state === "loading"; waitedMs += pollMs) {
    if (waitedMs > settings.loadTimeoutSeconds * 1000) {
      throw new StepFailedError(`host "${client.host.name}" has not loaded "${name}" in time`);
    }
    await wait(pollMs);
    found = await client.model(name);
  }
  if (found?.state !== "loaded") {
    if (kind === "rollback") await client.wake(name);
    else {
      await client.load({ name, ...placesOf(model), content_hash: contentHash, weights });
    }
    found = await client.model(name);
  }
  if (found === undefined || found.state !== "loaded") {
    throw new StepFailedError(
      `host "${client.host.name}" does not load "${name}": ${found?.error ?? "it has lost it"}`,
    );
  }
  if (found.content_hash !== contentHash) {
    throw new StepFailedError(
      `host "${client.host.name}" has other content as "${name}": hash ${found.content_hash}, not ${contentHash}`,
    );
  }
  return found;
}

/** Compares the model on the host with the one here. */
export async function verifyStep(context: StepContext): Promise<StepResult> {
  const { deployment: { model }, say } = context;
  const { weights } = await ensureLoaded(context, undefined);
  say("computing golden prompts");
  const golden = await goldenOf(context, weights);
  const { mean, max, tokens } = await verifyAgainst(golden, {
    context,
    name: model.name,
    weights,
  });
  return { mean_difference: mean, max_difference: max, tokens, weights };
}

/** Returns the golden prompts of the model in the form of weights that a host has. */
export async function goldenOf(
  context: StepContext,
  weights: string,
): Promise<readonly GoldenPrompt[]> {
  const { deployment: { model }, settings, folder, device, threads, signal } = context;
  return await goldenPrompts(model, {
    ...{ device, threads, signal, weights: weightTypeOf(weights) },
    file: settings.goldenPrompts,
    folder: join(folder, "golden"),
  });
}

/**
 * Asks a name of the host for golden prompts.
 *
 * @throws {StepFailedError} If another model answers, or finds them otherwise likely.
 */
export async function verifyAgainst(
  golden: readonly GoldenPrompt[],
  { context, name, weights }: {
    readonly context: StepContext;
    readonly name: string;
    readonly weights: string;
  },
): Promise<GoldenDifference> {
  const { deployment: { model }, client, settings } = context;
  const host = client.host.name;
  const answer = await client.complete({
    model: name,
    prompt: golden.map(({ ids }) => ids),
    ...{ max_tokens: 0, echo: true, logprobs: 0 },
  });
  context.alive();
  requireIdentity(answer, { host, name, model });
  const choices = answer["choices"] as readonly {
    readonly index: number;
    readonly logprobs: { readonly token_logprobs: readonly (number | null)[] } | null;
  }[];
  const given = choices.toSorted((a, b) => a.index - b.index)
    .map(({ logprobs }) => logprobs?.token_logprobs ?? []);
  const difference = goldenDifference(golden, given);
  const tolerance = settings.verifyTolerance ?? TOLERANCES[weightTypeOf(weights)];
  if (isWithin(difference, { tolerance })) return difference;
  const { mean, max } = difference;
  throw new StepFailedError(
    `host "${host}" computes something else with "${name}": log-probabilities of golden prompts differ by ${
      mean.toPrecision(3)
    } in the mean and ${max.toPrecision(3)} at most, allowed is a mean of ${tolerance}`,
  );
}

/**
 * Checks which model answered.
 *
 * @throws {StepFailedError} If it is another one.
 */
export function requireIdentity(
  answer: JsonObject,
  { host, name, model }: {
    readonly host: string;
    readonly name: string;
    readonly model: StepContext["deployment"]["model"];
  },
): void {
  const fingerprint = answer["system_fingerprint"];
  if (answer["model"] === model.name && fingerprint === model.contentHash) return;
  throw new StepFailedError(
    `host "${host}" answers "${name}" with model "${answer["model"]}" of hash ${fingerprint}, ` +
      `not with "${model.name}" of hash ${model.contentHash}`,
  );
}

function weightTypeOf(weights: string): WeightType {
  const type = WEIGHT_TYPES.find((each) => each === weights);
  if (type !== undefined) return type;
  throw new StepFailedError(`the host holds the weights as "${weights}", which is not known here`);
}
