/**
 * Brings models to servers: judged, shipped, loaded beside what runs, verified, tried with a part of the requests, made
 * live and watched; whatever goes wrong, the model before is live again.
 *
 * @example
 * ```ts ignore
 * import { DeploymentOrchestrator, deploymentSettings } from "@llm-training/llm-training/monitoring/deployment_orchestrator";
 *
 * using orchestrator = new DeploymentOrchestrator({
 *   home: "/data/llm",
 *   settings: deploymentSettings({ hosts: ["http://10.0.0.5:8765"], gate: { tasks: ["held-out.jsonl"] } }),
 *   env: { LLM_TRAINING_ADMIN_KEY: "…" },
 * });
 * const { outcome } = await orchestrator.deploy({ id: "my-run", folder: "/data/llm/runs/my-run/checkpoints/checkpoint-100" });
 * console.log(outcome);
 * ```
 *
 * @module
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../utils/clock.ts";
import { UserError } from "../utils/errors.ts";
import { tryLockFile, waitForFileLock } from "../utils/file_lock.ts";
import { decode, object } from "../utils/json.ts";
import { homePaths } from "../utils/paths.ts";
import { fieldsOf } from "../utils/settings/rules.ts";
import { type Deployment, planRollback, planSteps } from "./deployment/deployment.ts";
import { type GateReport, judge, type ReferenceModel } from "./deployment/gate.ts";
import { describeForHosts } from "./deployment/model_parts.ts";
import {
  type DeploymentPlan,
  endTrials,
  findReferences,
  highestEpoch,
  type HostPlan,
  lookAt,
  planDeployment,
} from "./deployment/plan.ts";
import { findRollback } from "./deployment/find_rollback.ts";
import type {
  DeploymentOrchestratorOptions,
  DeploymentOutcome,
  DeploymentRequest,
  DeploymentStatus,
} from "./deployment/requests.ts";
import { runDeployment } from "./deployment/run_steps.ts";
import { DEPLOYMENT_SETTINGS, type DeploymentSettings } from "./deployment/settings.ts";
import type { DeploymentContext } from "./deployment/step_context.ts";
import { DeploymentStore } from "./deployment/store.ts";

export {
  type DeployedModel,
  type Deployment,
  DEPLOYMENT_STATES,
  type DeploymentState,
  type DeploymentStep,
  type HostBefore,
  type PlannedStep,
  STEP_NAMES,
  STEP_WORDS,
  type StepName,
  type StepState,
} from "./deployment/deployment.ts";
export type { GateDemand, GateReport, GateVerdict, ReferenceModel } from "./deployment/gate.ts";
export type { HostModel } from "./deployment/host_client.ts";
export type { HostSettings } from "./deployment/host_settings.ts";
export type { DeploymentPlan, HostPlan } from "./deployment/plan.ts";
export type {
  DeploymentOrchestratorOptions,
  DeploymentOutcome,
  DeploymentRequest,
  DeploymentStatus,
} from "./deployment/requests.ts";
export type { DeploymentEvent } from "./deployment/run_steps.ts";
export type { CanarySettings, DeploymentSettings, GateSettings } from "./deployment/settings.ts";
export type { Freeze } from "./deployment/store.ts";
export {
  WEIGHT_TYPES,
  WEIGHT_WISHES,
  type WeightType,
  type WeightWish,
} from "../inference/generation/weight_types.ts";
export {
  type ComparedModel,
  type Comparison,
  PAIRED_TESTS,
  type PairedTest,
  type Verdict,
  VERDICTS,
} from "./comparison/comparison.ts";
export { DEVICE_WISHES, type DeviceWish } from "../engine/runtime/devices.ts";
export type { Clock } from "../utils/clock.ts";
export type { JsonObject } from "../utils/json.ts";

/** The file that the process which deploys has locked. */
const LOCK_FILE = "orchestrator.lock";

/** How long one that is called off may take, besides waiting for hosts. */
const CALL_OFF_MS = 60_000;

const NEVER = new AbortController().signal;

/** Returns settings of deployments: what is given, and the defaults for the rest. */
export function deploymentSettings(json: unknown): DeploymentSettings {
  return decode(object(fieldsOf(DEPLOYMENT_SETTINGS)), json, "settings of deployments");
}

/** Deploys models from a home. One process does at a time; what it leaves unfinished, the next one goes on with. */
export class DeploymentOrchestrator implements Disposable {
  readonly #options: DeploymentOrchestratorOptions;
  readonly #folder: string;
  readonly #store: DeploymentStore;

  /**
   * Opens the deployments of a home.
   *
   * @throws {UserError} If its database cannot be used.
   */
  constructor(options: DeploymentOrchestratorOptions) {
    const { home, clock = systemClock } = options;
    const paths = homePaths(home);
    mkdirSync(paths.deployments, { recursive: true });
    this.#options = options;
    this.#folder = paths.deployments;
    this.#store = new DeploymentStore(paths.state, { clock });
  }

  /**
   * Says what deploying a model would do; nothing is changed.
   *
   * @throws {UserError} If a host cannot be asked.
   */
  async plan(request: DeploymentRequest): Promise<DeploymentPlan> {
    const context = this.#context(request.signal);
    const model = await describeForHosts({ ...request, weights: context.settings.weights });
    const { isJudged = true } = request;
    return await planDeployment(model, { hosts: this.#hosts(), context, isJudged });
  }

  /**
   * Judges a model as a deployment would; nothing is changed.
   *
   * @throws {UserError} If it cannot be judged.
   */
  async judge(plan: DeploymentPlan, request: DeploymentRequest): Promise<GateReport> {
    const { home, settings, device, threads } = this.#options;
    const references = findReferences(plan.hosts, {
      store: this.#store,
      named: await this.#named(request),
    });
    return await judge(plan.model, {
      ...{ gate: settings.gate, references, home, device, threads },
      folder: join(this.#folder, "evaluations"),
      onProgress: (message) =>
        this.#options.onEvent?.({ id: "", step: "gate", host: null, kind: "progress", message }),
      signal: request.signal ?? NEVER,
    });
  }

  /**
   * Deploys a model, once what was left unfinished before has come to its end. The same model again goes on where it
   * was, and is left alone where it is live.
   *
   * @throws {UserError} If it cannot begin, or a host is away and has yet to go back.
   */
  async deploy(request: DeploymentRequest): Promise<DeploymentOutcome> {
    using _lock = await this.#lock();
    const context = this.#context(request.signal);
    const term = await this.#beginTerm(context);
    const { settings: { weights, alias } } = context;
    const model = await describeForHosts({ ...request, weights });
    const named = await this.#named(request);
    const unfinished = this.#store.unfinished();
    const ended = unfinished && await this.#run(unfinished.id, { context, term, named });
    const isSame = ended?.kind === "deploy" && ended.model.contentHash === model.contentHash;
    if (isSame && ended.state !== "done") return { outcome: "ended", deployment: ended };
    this.#refuseFrozen();
    const { isJudged = true, takesOver = false } = request;
    if (takesOver) await endTrials(model, { hosts: this.#hosts(), context, term });
    const plan = await planDeployment(model, { hosts: this.#hosts(), context, isJudged });
    if (plan.steps.length === 0) {
      return isSame ? { outcome: "ended", deployment: ended } : { outcome: "live already", plan };
    }
    const hosts = plan.hosts.filter(({ isLive }) => !isLive).map(({ host }) => host);
    const source = request.adapter ?? request.folder;
    const { id } = this.#store.create(
      { kind: "deploy", alias, model, source, hosts, steps: plan.steps },
      term,
    );
    return { outcome: "ended", deployment: await this.#run(id, { context, term, named }) };
  }

  /**
   * Has clients get the model from before again.
   *
   * @throws {UserError} If there is none, or hosts have different ones.
   */
  async rollback(
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Deployment> {
    const running = this.#store.unfinished();
    using _lock = await this.#takeOver(signal);
    const context = this.#context(signal);
    const term = await this.#beginTerm(context);
    const unfinished = this.#store.unfinished();
    const ended = running && this.#store.get(running.id);
    // whoever was at it has gone back
    if (ended?.kind === "deploy" && ended.state === "rolled_back") return ended;
    if (unfinished !== undefined) {
      // somebody wants it back at once, whatever is under way
      if (unfinished.state === "running" && unfinished.kind === "deploy") {
        const steps = planRollback(unfinished);
        this.#store.beginRollback(unfinished.id, { error: "it was called off", steps }, term);
        return await this.#run(unfinished.id, { context, term });
      }
      await this.#run(unfinished.id, { context, term });
    }
    const { alias } = context.settings;
    const { model, hosts } = await findRollback(this.#hosts(), { context, store: this.#store });
    const steps = planSteps(hosts, { kind: "rollback", isTried: false, isJudged: false });
    const { id } = this.#store.create(
      { kind: "rollback", alias, model, source: model.folder || model.name, hosts, steps },
      term,
    );
    return await this.#run(id, { context, term });
  }

  /**
   * Goes on with what was left unfinished; `undefined` if nothing was.
   *
   * @throws {UserError} If a host is away and has yet to go back.
   */
  async resume(
    { signal, giveUp = false }: {
      readonly signal?: AbortSignal | undefined;
      /** Leave hosts as they are that cannot go back. @default {false} */
      readonly giveUp?: boolean;
    } = {},
  ): Promise<Deployment | undefined> {
    using _lock = await this.#lock();
    const context = this.#context(signal);
    const term = await this.#beginTerm(context);
    const unfinished = this.#store.unfinished();
    if (unfinished === undefined) return undefined;
    if (giveUp) {
      const error = `${
        unfinished.error ?? "it was not over"
      }; given up, some hosts may not have gone back`;
      this.#store.end(unfinished.id, { state: "rolled_back", error }, term);
      return this.#store.get(unfinished.id);
    }
    return await this.#run(unfinished.id, { context, term });
  }

  /** Returns what hosts and deployments are like. */
  async status(
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<DeploymentStatus> {
    const context = this.#context(signal);
    const hosts = await Promise.all(this.#options.settings.hosts.map(async (host) => {
      try {
        return await lookAt(host, { model: undefined, context });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return { host, problem: error.message };
      }
    }));
    return {
      hosts,
      unfinished: this.#store.unfinished(),
      last: this.#store.list({ limit: 1, states: ["done", "refused", "rolled_back"] })[0],
      freeze: this.#store.freeze(),
    };
  }

  /** Returns deployments, the newest first. */
  history({ limit = 20 }: { readonly limit?: number } = {}): readonly Deployment[] {
    return this.#store.list({ limit });
  }

  /** Lets no deployment begin or get live until {@linkcode unfreeze}; going back stays possible. */
  freeze({ reason = null }: { readonly reason?: string | null } = {}): void {
    this.#store.setFreeze({ reason });
  }

  /** Lets deployments go on. */
  unfreeze(): void {
    this.#store.setFreeze(undefined);
  }

  /** Closes the database. */
  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  async #run(
    id: string,
    { context, term, named }: {
      readonly context: DeploymentContext;
      readonly term: number;
      readonly named?: ReferenceModel | undefined;
    },
  ): Promise<Deployment> {
    return await runDeployment(id, context, {
      store: this.#store,
      term,
      references: async ({ model, hosts }) => {
        const plans: HostPlan[] = [];
        for (const host of hosts) plans.push(await lookAt(host, { model, context }));
        return findReferences(plans, { store: this.#store, named });
      },
      onEvent: this.#options.onEvent ?? (() => {}),
    });
  }

  async #named({ reference }: DeploymentRequest): Promise<ReferenceModel | undefined> {
    if (reference === undefined) return undefined;
    return await describeForHosts({ ...reference, weights: this.#options.settings.weights });
  }

  async #lock(): Promise<Disposable> {
    const lock = await tryLockFile(join(this.#folder, LOCK_FILE));
    if (lock !== undefined) return lock;
    throw new UserError(
      `Cannot deploy from "${this.#options.home}": another process does; "deploy status" shows what`,
    );
  }

  async #beginTerm(context: DeploymentContext): Promise<number> {
    this.#store.setCallOff(false); // whoever wished that has died, or is here
    const hosts = this.#store.unfinished()?.hosts ?? context.settings.hosts;
    return this.#store.beginTerm({ epoch: await highestEpoch(hosts, context) });
  }

  /** Takes the place of another process that deploys, which goes back first. */
  async #takeOver(signal: AbortSignal | undefined): Promise<Disposable> {
    const path = join(this.#folder, LOCK_FILE);
    const free = await tryLockFile(path);
    if (free !== undefined) return free;
    this.#store.setCallOff(true);
    try {
      const timeoutMs = CALL_OFF_MS + 1000 * this.#options.settings.hostTimeoutSeconds;
      return await waitForFileLock(path, { timeoutMs, signal }) ?? await this.#lock();
    } finally {
      this.#store.setCallOff(false);
    }
  }

  #refuseFrozen(): void {
    const freeze = this.#store.freeze();
    if (freeze === undefined) return;
    const { reason, sinceMs } = freeze;
    throw new UserError(
      `Cannot deploy: deployments are frozen since ${new Date(sinceMs).toISOString()}${
        reason === null ? "" : ` (${reason})`
      }; "deploy unfreeze" lets them go on`,
    );
  }

  #hosts(): DeploymentSettings["hosts"] {
    const { hosts } = this.#options.settings;
    if (hosts.length > 0) return hosts;
    throw new UserError(
      'Cannot deploy without a host: give --host <url>, or "deployment": {"hosts": […]} in llm-training.json',
    );
  }

  #context(signal: AbortSignal | undefined): DeploymentContext {
    const { home, settings, env = {}, device, threads, clock = systemClock } = this.#options;
    const { pollMs = 1000 } = this.#options;
    return {
      ...{ home, settings, env, device, threads, clock, pollMs, folder: this.#folder },
      signal: signal ?? NEVER,
    };
  }
}
