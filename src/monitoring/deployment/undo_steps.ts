/**
 * The steps that go back, and the one that tidies up: nothing that is live, tried, or the model before is removed.
 *
 * @module
 */

import { messageOf } from "../../utils/errors.ts";
import type { HostModel } from "./host_client.ts";
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
    await client.removeAlias(name); // there was none
    return { restored: null };
  }
  const target = isLive ? was.model! : alias.model;
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
  const found = models.find(({ name }) => name === model.name);
  if (found === undefined) return { kept: "it was not loaded" };
  await client.unload(model.name, { files: hasOwnFolder(found, models) });
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
  const old = context.broughtModels().filter((name) => !needed.has(name))
    .flatMap((name) => models.find((each) => each.name === name) ?? []);
  const removed: string[] = [];
  for (const found of old.slice(keepModels)) {
    try {
      await client.unload(found.name, { files: hasOwnFolder(found, models) });
      removed.push(found.name);
    } catch (error) {
      context.signal.throwIfAborted();
      // what is left over does no harm; the next deployment tries again
      context.say(`"${found.name}" stays on host "${client.host.name}": ${messageOf(error)}`);
    }
  }
  return { removed };
}

/** The folder of an adapter's model may be that of other adapters, or of a model by itself. */
function hasOwnFolder({ name, folder, adapter }: HostModel, models: readonly HostModel[]): boolean {
  return adapter === null &&
    models.every((each) => each.name === name || each.folder !== folder);
}
