/**
 * The steps by which a model gets requests: a part of them, then all, under watch.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../utils/json.ts";
import { formatDuration } from "../../utils/format.ts";
import { type AnswerCounts, countedSince } from "./answer_counts.ts";
import type { HostBefore } from "./deployment.ts";
import type { GoldenPrompt } from "./golden.ts";
import { type HostAlias, type HostCanary, HostRequestError } from "./host_client.ts";
import { ensureLoaded, goldenOf, requireIdentity, verifyAgainst } from "./prepare_steps.ts";
import { type StepContext, StepFailedError, type StepResult } from "./step_context.ts";

/** A canary that ended as its host was started anew begins again, so often. */
const MAX_RESTARTS = 5;

/** So many answers in a row that are the host's fault end the watch. */
const MAX_FAULTS = 3;

/** Every so many looks at a live model compare its log-probabilities; the others ask for a token. */
const THOROUGH_LOOKS = 10;

/** Gives the model a part of the requests until it has answered enough of them. */
export async function canaryStep(context: StepContext): Promise<StepResult> {
  const { deployment: { alias: name, model }, settings: { canary }, step, client } = context;
  const { clock, wait, pollMs, note, alive, say } = context;
  await ensureLoaded(context, undefined);
  const startedMs = step.startedAtMs ?? clock();
  let restarts = Number(step.detail?.["restarts"] ?? 0);
  for (;;) {
    const alias = await client.alias(name);
    alive();
    const before = rememberBefore(context, alias);
    if (alias === undefined) return { skipped: "there is no model before it" };
    if (alias.model === model.name) return { skipped: "it is live already" };
    refuseStrangers(context, { alias, before });
    const current = alias.canary;
    if (current?.model !== model.name || isRestarted(current)) {
      if (current !== null && current.model === model.name && ++restarts > MAX_RESTARTS) {
        throw new StepFailedError(`the host was started anew ${restarts} times meanwhile`);
      }
      note({ restarts });
      if (!await answers(context, alias.model)) return { skipped: "the model before is broken" };
      await beginCanary(context, alias);
      continue;
    }
    const counts = countsOf(current);
    note({ restarts, ...counts });
    if (current.state === "stopped") {
      throw new StepFailedError(`the host stopped the canary: ${current.reason}`);
    }
    const seconds = (clock() - startedMs) / 1000;
    const isEnough = current.requests >= canary.minRequests && seconds >= canary.minSeconds;
    if (isEnough || seconds >= canary.maxSeconds) {
      if (current.requests >= canary.minRequests) return { restarts, ...counts };
      return { restarts, ...counts, note: "the time was up before it had enough requests" };
    }
    say(
      `canary: ${current.requests} requests, ${current.errors} errors after ${
        formatDuration(seconds * 1000)
      }`,
    );
    await wait(pollMs);
  }
}

/** Whether a model can be compared with: one that its host cannot load any more serves nobody. */
async function answers({ client }: StepContext, name: string): Promise<boolean> {
  if ((await client.model(name))?.state === "loaded") return true;
  try {
    await client.wake(name);
    return true;
  } catch (error) {
    if (error instanceof HostRequestError && error.status !== null) return false;
    throw error;
  }
}

async function beginCanary(context: StepContext, alias: HostAlias): Promise<void> {
  const { deployment: { model }, settings, client, term, freeze } = context;
  refuseFrozen(freeze());
  const { share, maxErrors, maxErrorRate, maxLatencyRatio, minRequests } = settings.canary;
  await client.setAlias(alias.alias, {
    model: alias.model,
    canary: {
      model: model.name,
      share,
      max_errors: maxErrors,
      max_error_rate: maxErrorRate,
      max_latency_ratio: maxLatencyRatio,
      min_requests: Math.max(1, minRequests),
    },
    expectedRevision: alias.revision,
    epoch: term,
  });
  const { challenger } = settings;
  if (challenger === null || challenger === alias.alias) return;
  const other = await client.alias(challenger);
  if (other?.model === model.name) return;
  await client.setAlias(challenger, {
    model: model.name,
    canary: null,
    expectedRevision: other?.revision ?? 0,
    epoch: term,
  });
}

/** Makes the model what clients get. */
export async function switchStep(context: StepContext): Promise<StepResult> {
  const { deployment: { alias: name, model, kind }, client, term, alive } = context;
  const alias = await client.alias(name);
  alive();
  const before = rememberBefore(context, alias);
  let revision = alias?.revision;
  if (alias?.model !== model.name || alias.canary !== null) {
    await ensureLoaded(context, undefined);
    refuseStrangers(context, { alias, before });
    // going back is what a freeze is for
    if (kind === "deploy") refuseFrozen(context.freeze());
    ({ revision } = await client.setAlias(name, {
      model: model.name,
      canary: null,
      expectedRevision: alias?.revision ?? 0,
      epoch: term,
    }));
  }
  await dropChallenger(context);
  return { revision, previous: before.model };
}

/** Takes the name of a model on trial from it. */
export async function dropChallenger(
  { client, settings: { challenger }, deployment: { alias, model }, term }: StepContext,
): Promise<void> {
  if (challenger === null || challenger === alias) return;
  if ((await client.alias(challenger))?.model !== model.name) return;
  await client.removeAlias(challenger, { epoch: term });
}

/** Watches the model while it is live. */
export async function watchStep(context: StepContext): Promise<StepResult> {
  const { deployment: { alias: name, model }, settings, step, client, clock } = context;
  const startedMs = step.startedAtMs ?? clock();
  const golden = await goldenForWatch(context);
  const before = await countsBefore(context);
  let [looks, faults] = [0, 0];
  for (;;) {
    try {
      const alias = await client.alias(name);
      context.alive();
      if (alias?.model !== model.name) {
        throw new StepFailedError(
          `somebody else has changed "${name}": it is "${alias?.model ?? "not there"}" now`,
        );
      }
      const isThorough = looks % THOROUGH_LOOKS === 0;
      await refuseFailing(context, before);
      await look(context, isThorough ? golden : undefined);
      [looks, faults] = [looks + 1, 0];
    } catch (error) {
      if (!(error instanceof HostRequestError) || error.status === null || error.status === 429) {
        throw error; // a host that is away may come back
      }
      if (++faults >= MAX_FAULTS) {
        throw new StepFailedError(`it does not answer while it is live: ${error.message}`);
      }
    }
    const leftMs = settings.watchSeconds * 1000 - (clock() - startedMs);
    if (leftMs <= 0 && faults === 0) return { looks };
    context.say(`live, watched for another ${formatDuration(Math.max(0, leftMs))}`);
    await context.wait(leftMs > 0 ? Math.min(leftMs, context.pollMs) : context.pollMs);
  }
}

/** What the host had counted when the watch began, in whichever process. */
async function countsBefore(
  { step, client, deployment: { model }, note }: StepContext,
): Promise<AnswerCounts | undefined> {
  const noted = step.detail?.["counts_before"] as AnswerCounts | undefined;
  if (noted !== undefined) return noted;
  const counts = await client.counts(model.name);
  if (counts !== undefined) note({ counts_before: counts });
  return counts;
}

/** @throws {StepFailedError} If too many requests of clients have failed since the model is live. */
async function refuseFailing(
  { client, deployment: { model }, settings: { canary } }: StepContext,
  before: AnswerCounts | undefined,
): Promise<void> {
  const now = before && await client.counts(model.name);
  if (before === undefined || now === undefined) return;
  const { requests, failed } = countedSince(now, before);
  if (failed <= canary.maxErrors || failed <= canary.maxErrorRate * requests) return;
  throw new StepFailedError(`${failed} of ${requests} requests of clients failed since it is live`);
}

/** Asks the alias, as clients do. */
async function look(
  context: StepContext,
  golden: { readonly prompts: readonly GoldenPrompt[]; readonly weights: string } | undefined,
): Promise<void> {
  const { deployment: { alias: name, model }, client } = context;
  if (golden !== undefined) {
    await verifyAgainst(golden.prompts, { context, name, weights: golden.weights });
    return;
  }
  const answer = await client.complete({ model: name, prompt: [[0]], max_tokens: 1 });
  requireIdentity(answer, { host: client.host.name, name, model });
}

/** Golden prompts, as far as the model is still known here: one that is gone back to may not be. */
async function goldenForWatch(
  context: StepContext,
): Promise<{ readonly prompts: readonly GoldenPrompt[]; readonly weights: string } | undefined> {
  const { deployment: { model }, client, folder } = context;
  const weights = (await client.model(model.name))?.weights;
  if (weights === undefined) {
    throw new StepFailedError(`host "${client.host.name}" has lost "${model.name}"`);
  }
  const isKept = existsSync(join(folder, "golden", `${model.contentHash}-${weights}.json`));
  if (!isKept && (model.folder === "" || !existsSync(model.folder))) return undefined;
  return { prompts: await goldenOf(context, weights), weights };
}

/** Notes what a host had, before it is changed for the first time. */
function rememberBefore(context: StepContext, alias: HostAlias | undefined): HostBefore {
  const { deployment: { model } } = context;
  // one that is live already was made so by an earlier attempt, or before this deployment
  const isOurs = alias?.model === model.name;
  return context.noteBefore({
    model: (isOurs ? alias?.previous : alias?.model) ?? null,
    revision: alias?.revision ?? 0,
  });
}

/** @throws {StepFailedError} If somebody else deploys to the host too. */
function refuseStrangers(
  { deployment: { alias: name, model }, client }: StepContext,
  { alias, before }: { readonly alias: HostAlias | undefined; readonly before: HostBefore },
): void {
  const host = client.host.name;
  if ((alias?.model ?? null) !== before.model && alias?.model !== model.name) {
    throw new StepFailedError(
      `somebody else has changed "${name}" on host "${host}" from "${before.model}" to "${alias?.model}"`,
    );
  }
  const canary = alias?.canary ?? null;
  if (canary !== null && canary.model !== model.name && canary.state === "running") {
    throw new StepFailedError(
      `somebody else tries "${canary.model}" on host "${host}"; wait for the end of that`,
    );
  }
}

function refuseFrozen(freeze: ReturnType<StepContext["freeze"]>): void {
  if (freeze === undefined) return;
  throw new StepFailedError(
    `deployments were frozen meanwhile${freeze.reason === null ? "" : `: ${freeze.reason}`}`,
  );
}

function isRestarted({ state, reason }: HostCanary): boolean {
  return state === "stopped" && /restart/i.test(reason ?? "");
}

function countsOf(
  { requests, errors, latency_ms, baseline, state, reason }: HostCanary,
): JsonObject {
  return { requests, errors, latency_ms, baseline, state, reason };
}
