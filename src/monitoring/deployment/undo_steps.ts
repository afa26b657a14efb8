/**
 * The steps that go back, and the one that tidies up: nothing that is live, tried, or the model before is removed.
 *
 * @module
 */

import { messageOf } from "../../utils/errors.ts";
import type { StepContext, StepResult } from "./step_context.ts";
import { dropChallenger } from "./traffic_steps.ts";

/** Has clients get the model before again, unless somebody else has changed that meanwhile. */
export async function restoreStep(context: StepContext): Promise<StepResult> {
  const { deployment: { alias: name, model, before }, client, term, alive } = context;
  const alias = await client.alias(name);
  alive();
  await dropChallenger(context);
  const was = before[client.host.name];
  if (alias === undefined || was === undefined) return { restored: null };
  const isLive = alias.model === model.name;
  const isTried = alias.canary?.model === model.name;
  if (!isLive && !isTried) return { restored: null, live: alias.model };
  if (isLive && was.model === null) {
    await client.removeAlias(name, { epoch: term }); // there was none
    return { restored: null };
  }
  const target = isLive ? was.model! : alias.model;
  // a host that was started anew loads what aliases name; the model before is none of these
  if ((await client.model(target))?.state !== "loaded") await client.wake(target);
  await client.setAlias(name, {
    model: target,
    canary: null,
    expectedRevision: alias.revision,
    epoch: term,
  });
  return { restored: target };
}

/** Takes the model off a host that it was brought to by this deployment. */
export async function unloadStep(context: StepContext): Promise<StepResult> {
  const { deployment: { model, steps }, client } = context;
  const loads = steps.find(({ name, host }) => name === "load" && host === client.host.name);
  if (loads?.detail?.["was_there"] === true) return { kept: "it was there before" };
  const [aliases, models] = [await client.aliases(), await client.models()];
  context.alive();
  if (aliases.some((each) => each.model === model.name || each.canary?.model === model.name)) {
    return { kept: "an alias names it" };
  }
  if (!models.some(({ name }) => name === model.name)) return { kept: "it was not loaded" };
  await client.unload(model.name, { files: true });
  return { unloaded: model.name };
}

/** Removes models that this home brought and that nobody needs any more. */
export async function tidyStep(context: StepContext): Promise<StepResult> {
  const { deployment: { model, before }, client, settings: { keepModels } } = context;
  const [aliases, models] = [await client.aliases(), await client.models()];
  context.alive();
  const needed = new Set([
    model.name,
    before[client.host.name]?.model,
    ...aliases.flatMap(({ model, previous, canary }) => [model, previous, canary?.model]),
  ]);
  // the newest first
  const old = context.broughtModels()
    .filter((name) => !needed.has(name) && models.some((each) => each.name === name));
  const removed: string[] = [];
  for (const name of old.slice(keepModels)) {
    try {
      await client.unload(name, { files: true });
      removed.push(name);
    } catch (error) {
      context.signal.throwIfAborted();
      // what is left over does no harm; the next deployment tries again
      context.say(`"${name}" stays on host "${client.host.name}": ${messageOf(error)}`);
    }
  }
  return { removed };
}
