/**
 * Which model hosts go back to when somebody asks for that.
 *
 * @module
 */

import type { WeightWish } from "../../inference/generation/weight_types.ts";
import { UserError } from "../../utils/errors.ts";
import type { DeployedModel, Deployment } from "./deployment.ts";
import { type HostModel, HostRequestError } from "./host_client.ts";
import type { HostSettings } from "./host_settings.ts";
import { openClient } from "./run_steps.ts";
import type { DeploymentContext } from "./step_context.ts";
import type { DeploymentStore } from "./store.ts";

/** The model before, and the hosts that have another one now. */
export interface Rollback {
  /** The model. */
  readonly model: DeployedModel;
  /** The hosts. */
  readonly hosts: readonly HostSettings[];
}

/**
 * Finds the model that was live before: by what was deployed from here, else by what a host remembers.
 *
 * @throws {UserError} If there is none, hosts have different ones, or it is not there any more.
 */
export async function findRollback(
  hosts: readonly HostSettings[],
  { context, store }: { readonly context: DeploymentContext; readonly store: DeploymentStore },
): Promise<Rollback> {
  const found: { readonly host: HostSettings; readonly before: HostModel }[] = [];
  for (const host of hosts) {
    const before = await modelBefore(host, { context, store });
    if (before !== undefined) found.push({ host, before });
  }
  const [first] = found;
  if (first === undefined) {
    throw new UserError("Cannot go back: no host has had another model before");
  }
  const other = found.find(({ before }) => before.content_hash !== first.before.content_hash);
  if (other !== undefined) {
    throw new UserError(
      `Cannot go back on all hosts at once: "${first.host.name}" had "${first.before.name}", ` +
        `"${other.host.name}" had "${other.before.name}"; name hosts by --host`,
    );
  }
  const { before } = first;
  const known = store.ofContent(before.content_hash ?? "").find(({ kind }) => kind === "deploy");
  return {
    hosts: found.map(({ host }) => host),
    model: known?.model.name === before.name ? known.model : {
      name: before.name,
      folder: "",
      adapter: null,
      base: null,
      contentHash: before.content_hash ?? "",
      weights: before.weights as WeightWish,
      bytes: 0,
      license: null,
    },
  };
}

async function modelBefore(
  host: HostSettings,
  { context, store }: { readonly context: DeploymentContext; readonly store: DeploymentStore },
): Promise<HostModel | undefined> {
  const client = await openClient(host, context);
  const { alias: name } = context.settings;
  try {
    const alias = await client.alias(name);
    if (alias === undefined) return undefined;
    const models = await client.models();
    const there = new Map(models.map((model) => [model.name, model]));
    const done = store.list({ limit: 1000, states: ["done"] }).filter((each) =>
      each.alias === name
    );
    const fled = leftModels(done, host.name);
    // what a host had before a deployment that went well; what it remembers itself may be a model that failed
    const deployed = done.filter(({ kind, model }) =>
      kind === "deploy" && model.name === alias.model
    )
      .map(({ before }) => before[host.name]?.model);
    const known = [...deployed, alias.previous].find((each) =>
      typeof each === "string" && each !== alias.model && there.has(each) && !fled.has(each)
    );
    return typeof known === "string" ? there.get(known) : undefined;
  } catch (error) {
    if (!(error instanceof HostRequestError)) throw error;
    throw new UserError(`Cannot go back on host "${host.name}": ${error.message}`, {
      cause: error,
    });
  }
}

/** Models that somebody went back from, and that were not deployed again since. */
function leftModels(done: readonly Deployment[], host: string): ReadonlySet<string> {
  const again = new Set<string>();
  const left = new Set<string>();
  for (const { kind, model, before } of done) { // the newest first
    const was = before[host]?.model;
    if (kind === "deploy") again.add(model.name);
    else if (typeof was === "string" && !again.has(was)) left.add(was);
  }
  return left;
}
