/**
 * What a deployment would do: what hosts have now, and the steps that are left.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { type DeployedModel, type PlannedStep, planSteps } from "./deployment.ts";
import type { ReferenceModel } from "./gate.ts";
import { type HostModel, HostRequestError } from "./host_client.ts";
import { type HostSettings, parseShipping } from "./host_settings.ts";
import { openClient } from "./run_steps.ts";
import type { DeploymentContext } from "./step_context.ts";
import type { DeploymentStore } from "./store.ts";

/** What a host has now. */
export interface HostPlan {
  /** The host. */
  readonly host: HostSettings;
  /** The model that clients get; null if the alias is not there. */
  readonly live: Pick<HostModel, "name" | "content_hash"> | null;
  /** The model that clients got before. */
  readonly previous: string | null;
  /** Whether the live model is the one that is to be deployed. */
  readonly isLive: boolean;
}

/** What a deployment would do. */
export interface DeploymentPlan {
  /** The model. */
  readonly model: DeployedModel;
  /** The name that clients use. */
  readonly alias: string;
  /** What the hosts have. */
  readonly hosts: readonly HostPlan[];
  /** What would be done; nothing if the model is live everywhere. */
  readonly steps: readonly PlannedStep[];
}

/**
 * Looks at hosts and says what would be done there; nothing is changed.
 *
 * @throws {UserError} If a host cannot be reached or asked, or another model is being tried there.
 */
export async function planDeployment(
  model: DeployedModel,
  { hosts, context, isJudged }: {
    readonly hosts: readonly HostSettings[];
    readonly context: DeploymentContext;
    readonly isJudged: boolean;
  },
): Promise<DeploymentPlan> {
  const { settings } = context;
  const plans: HostPlan[] = [];
  for (const host of hosts) plans.push(await lookAt(host, { model, context }));
  const left = plans.filter(({ isLive }) => !isLive).map(({ host }) => host);
  const steps = left.length === 0
    ? []
    : planSteps(left, { kind: "deploy", isTried: settings.canary.share > 0, isJudged });
  return { model, alias: settings.alias, hosts: plans, steps };
}

/**
 * Looks at a host.
 *
 * @throws {UserError} If it cannot be reached or asked.
 */
export async function lookAt(
  host: HostSettings,
  { model, context }: {
    readonly model: DeployedModel | undefined;
    readonly context: DeploymentContext;
  },
): Promise<HostPlan> {
  const client = await openClient(host, context);
  try {
    const alias = await client.alias(context.settings.alias);
    if (alias === undefined) return { host, live: null, previous: null, isLive: false };
    const found = await client.model(alias.model);
    const hash = found?.content_hash ?? null;
    const { canary } = alias;
    if (
      model !== undefined && canary?.state === "running" && canary.model !== model.name
    ) {
      throw new UserError(
        `Cannot deploy to host "${host.name}": "${canary.model}" is being tried there by somebody else; ` +
          "wait for the end of that, or end it by --take-over",
      );
    }
    return {
      host,
      live: { name: alias.model, content_hash: hash },
      previous: alias.previous,
      isLive: model !== undefined && canary === null &&
        (alias.model === model.name || hash === model.contentHash),
    };
  } catch (error) {
    if (!(error instanceof HostRequestError)) throw error;
    throw new UserError(`Cannot deploy to host "${host.name}": ${error.message}`, { cause: error });
  }
}

/**
 * Ends the trials of other models on hosts: whoever began them may have died.
 *
 * @throws {UserError} If a host cannot be reached or asked.
 */
export async function endTrials(
  model: DeployedModel,
  { hosts, context, term }: {
    readonly hosts: readonly HostSettings[];
    readonly context: DeploymentContext;
    readonly term: number;
  },
): Promise<void> {
  for (const host of hosts) {
    const client = await openClient(host, context);
    try {
      const alias = await client.alias(context.settings.alias);
      if (alias === undefined || alias.canary === null || alias.canary.model === model.name) {
        continue;
      }
      await client.setAlias(alias.alias, {
        model: alias.model,
        canary: null,
        expectedRevision: alias.revision,
        epoch: term,
      });
    } catch (error) {
      if (!(error instanceof HostRequestError)) throw error;
      throw new UserError(`Cannot take over host "${host.name}": ${error.message}`, {
        cause: error,
      });
    }
  }
}

/** Returns the highest epoch that hosts have seen, as far as they can be asked: whoever begins now comes after it. */
export async function highestEpoch(
  hosts: readonly HostSettings[],
  context: DeploymentContext,
): Promise<number> {
  const epochs = await Promise.all(hosts.map(async (host) => {
    try {
      const client = await openClient(host, context);
      return Math.max(0, ...(await client.aliases()).map(({ epoch = 0 }) => epoch));
    } catch (error) {
      if (error instanceof HostRequestError || error instanceof UserError) return 0;
      throw error;
    }
  }));
  return Math.max(0, ...epochs);
}

/** Finds the live models of hosts on this machine, as far as they are here. */
export function findReferences(
  plans: readonly HostPlan[],
  { store, named }: {
    readonly store: DeploymentStore;
    /** A model that stands for the live one. */
    readonly named: ReferenceModel | undefined;
  },
): readonly ReferenceModel[] {
  const known = store.list({ limit: 1000 });
  const found = new Map<string, ReferenceModel>();
  for (const { host, live, isLive } of plans) {
    if (live === null || isLive) continue;
    if (named !== undefined) return [named];
    const { name, content_hash: contentHash } = live;
    if (contentHash === null) {
      throw new UserError(
        `Cannot compare with the live model "${name}" of host "${host.name}": its hash is not known; ` +
          "name it by --reference <model>",
      );
    }
    const deployed = known.find(({ model }) => model.contentHash === contentHash)?.model;
    const place = deployed !== undefined && existsSync(deployed.adapter ?? deployed.folder)
      ? deployed
      : linkedPlace(host, name);
    found.set(contentHash, {
      ...{ name, contentHash },
      folder: place?.folder ?? null,
      adapter: place?.adapter ?? null,
    });
  }
  return [...found.values()];
}

/** Where a model lies that was brought to a folder of this machine. */
function linkedPlace(
  { ship }: HostSettings,
  name: string,
): Pick<DeployedModel, "folder" | "adapter"> | undefined {
  const shipping = parseShipping(ship);
  if (shipping.kind !== "link") return undefined;
  const folder = join(shipping.root, name);
  return existsSync(join(folder, "config.json")) ? { folder, adapter: null } : undefined;
}
