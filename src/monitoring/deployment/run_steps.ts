/**
 * Does the steps of a deployment, one after the other, each until it is done or cannot be; what was done is written down,
 * so that another process can go on.
 *
 * @module
 */

import { messageOf, UserError } from "../../utils/errors.ts";
import { formatDuration } from "../../utils/format.ts";
import {
  type Deployment,
  type DeploymentStep,
  IS_OVER,
  planRollback,
  STEP_WORDS,
  type StepName,
} from "./deployment.ts";
import type { ReferenceModel } from "./gate.ts";
import { HostClient, HostRequestError } from "./host_client.ts";
import { readAdminKey } from "./admin_key.ts";
import { pause } from "./pause.ts";
import { gateStep, loadStep, shipStep, verifyStep } from "./prepare_steps.ts";
import {
  type DeploymentContext,
  RefusedError,
  type StepContext,
  StepFailedError,
  type StepResult,
} from "./step_context.ts";
import { type DeploymentStore, TermEndedError } from "./store.ts";
import { canaryStep, switchStep, watchStep } from "./traffic_steps.ts";
import { restoreStep, tidyStep, unloadStep } from "./undo_steps.ts";

/** Something that happened during a deployment. */
export interface DeploymentEvent {
  /** The deployment. */
  readonly id: string;
  /** The step; null if it is about the whole. */
  readonly step: StepName | null;
  /** The host; null if it is about none. */
  readonly host: string | null;
  /** What happened: a step begins, ends, is tried again, goes on. */
  readonly kind: "begins" | "done" | "failed" | "again" | "progress" | "over";
  /** In words. */
  readonly message: string;
}

/** What running steps takes besides. */
export interface RunOptions {
  /** Where it is written down. */
  readonly store: DeploymentStore;
  /** Who writes. */
  readonly term: number;
  /** Live models, by which the gate judges. */
  readonly references: (deployment: Deployment) => Promise<readonly ReferenceModel[]>;
  /** Told of what happens. */
  readonly onEvent: (event: DeploymentEvent) => void;
}

/** Every step: doing it twice is doing it once. */
const STEPS: Readonly<Record<StepName, (context: StepContext) => Promise<StepResult>>> = {
  gate: gateStep,
  ship: shipStep,
  load: loadStep,
  verify: verifyStep,
  canary: canaryStep,
  switch: switchStep,
  watch: watchStep,
  tidy: tidyStep,
  restore: restoreStep,
  unload: unloadStep,
};

const FIRST_PAUSE_MS = 200;
const LAST_PAUSE_MS = 5000;

/**
 * Runs a deployment to its end: its model live, or everything as it was.
 *
 * @throws {UserError} If a host is away for so long that going back is not over; running it again goes on with that.
 */
export async function runDeployment(
  id: string,
  context: DeploymentContext,
  options: RunOptions,
): Promise<Deployment> {
  const { store } = options;
  let deployment = store.get(id);
  while (deployment.state === "running") {
    await runNext(deployment, context, options);
    deployment = store.get(id);
  }
  if (deployment.state === "rolling_back") await goBack(deployment, context, options);
  const ended = store.get(id);
  if (IS_OVER[ended.state]) {
    const message = ended.error === null ? ended.state : `${ended.state}: ${ended.error}`;
    options.onEvent({ id, step: null, host: null, kind: "over", message });
  }
  return ended;
}

/** Does the next step of a deployment that goes forward. */
async function runNext(
  deployment: Deployment,
  context: DeploymentContext,
  options: RunOptions,
): Promise<void> {
  const { store, term } = options;
  const { id } = deployment;
  const step = deployment.steps.find(({ state }) => state !== "done");
  if (step === undefined) return store.end(id, { state: "done" }, term);
  try {
    if (deployment.kind === "deploy" && store.isCalledOff()) throw calledOff();
    await doStep(deployment, step, { context, options });
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof TermEndedError) throw error;
    if (error instanceof RefusedError) {
      return store.end(id, { state: "refused", error: error.message }, term);
    }
    const reason = step.host === null
      ? messageOf(error)
      : `${step.name} on host "${step.host}": ${messageOf(error)}`;
    const fresh = store.get(id);
    if (fresh.steps[step.position]?.state === "running") {
      store.endStep(id, { position: step.position, error: messageOf(error), detail: null }, term);
    }
    store.beginRollback(id, { error: reason, steps: planRollback(fresh) }, term);
  }
}

/** Undoes on every host what was done there; a host that is away holds up none of the others. */
async function goBack(
  deployment: Deployment,
  context: DeploymentContext,
  options: RunOptions,
): Promise<void> {
  const { store, term } = options;
  const { id, steps } = deployment;
  const undoing = steps.filter(({ name, state }) =>
    (name === "restore" || name === "unload") && (state === "waiting" || state === "running")
  );
  const away: string[] = [];
  for (const step of undoing) {
    try {
      await doStep(deployment, step, { context, options });
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof TermEndedError) throw error;
      if (error instanceof AwayError) away.push(error.message);
    }
  }
  if (away.length > 0) {
    throw new UserError(
      `Cannot go back everywhere yet: ${
        away.join("; ")
      }; "deploy resume" goes on when the host is there again, ` +
        `"deploy resume --give-up" leaves it as it is`,
    );
  }
  const failed = store.get(id).steps.filter(({ state, name }) =>
    state === "failed" && (name === "restore" || name === "unload")
  );
  const left = failed.map(({ name, host, error }) => `${name} on host "${host}" failed: ${error}`);
  const error = [deployment.error, ...left].filter((each) => each !== null).join("; ");
  store.end(id, { state: "rolled_back", error }, term);
}

/** Thrown when a host was away for longer than it may be. */
class AwayError extends Error {
  override readonly name = "AwayError";
}

/** Does a step, again and again while its host is away, and writes down what came of it. */
async function doStep(
  { id }: Pick<Deployment, "id">,
  { position, name, host }: DeploymentStep,
  { context, options }: { readonly context: DeploymentContext; readonly options: RunOptions },
): Promise<void> {
  const { store, term, onEvent } = options;
  const tell = (kind: DeploymentEvent["kind"], message: string) =>
    onEvent({ id, step: name, host, kind, message });
  store.beginStep(id, { position }, term);
  tell("begins", STEP_WORDS[name]);
  const isUndoing = name === "restore" || name === "unload";
  let awaySinceMs: number | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  const alive = () => [awaySinceMs, pauseMs] = [undefined, FIRST_PAUSE_MS];
  const work = await stepContext({ id, position, host, context, options, alive, tell });
  for (;;) {
    try {
      const detail = await STEPS[name](work);
      store.endStep(id, { position, error: null, detail }, term);
      return tell("done", "");
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof TermEndedError) throw error;
      const now = context.clock();
      awaySinceMs ??= now;
      const timeoutMs = context.settings.hostTimeoutSeconds * 1000;
      const reason = messageOf(error);
      if (!isTransient(error)) {
        const detail = error instanceof RefusedError ? error.report : null;
        store.endStep(id, { position, error: reason, detail }, term);
        tell("failed", reason);
        throw error;
      }
      if (now - awaySinceMs >= timeoutMs) {
        const message = `${reason}, for ${formatDuration(now - awaySinceMs)}`;
        if (isUndoing) store.noteStep(id, { position, error: message }, term);
        else store.endStep(id, { position, error: message, detail: null }, term);
        tell("failed", message);
        throw new AwayError(message, { cause: error });
      }
      store.noteStep(id, { position, error: reason }, term);
      tell("again", reason);
      await work.wait(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS, Math.max(1, timeoutMs));
    }
  }
}

function calledOff(): StepFailedError {
  return new StepFailedError("it was called off");
}

/** Whether trying again may help: it was the way there, not what was asked for. */
function isTransient(error: unknown): boolean {
  if (error instanceof HostRequestError) return error.isTransient;
  return !(error instanceof StepFailedError || error instanceof RefusedError ||
    error instanceof UserError || error instanceof TypeError || error instanceof RangeError);
}

async function stepContext(
  { id, position, host, context, options, alive, tell }: {
    readonly id: string;
    readonly position: number;
    readonly host: string | null;
    readonly context: DeploymentContext;
    readonly options: RunOptions;
    readonly alive: () => void;
    readonly tell: (kind: DeploymentEvent["kind"], message: string) => void;
  },
): Promise<StepContext> {
  const { store, term } = options;
  const { signal } = context;
  const found = store.get(id).hosts.find(({ name }) => name === host);
  const client = found && await openClient(found, context);
  return {
    ...context,
    get deployment() {
      return store.get(id);
    },
    get step() {
      return store.get(id).steps[position]!;
    },
    get client() {
      if (client === undefined) throw new Error(`Internal: step ${position} has no host`);
      return client;
    },
    term,
    references: () => options.references(store.get(id)),
    broughtModels: () => broughtTo(store, host),
    freeze: () => store.freeze(),
    note: (detail) => store.noteStep(id, { position, detail }, term),
    noteBefore: (before) => store.noteBefore(id, { ...before, host: host! }, term),
    alive,
    say: (words) => tell("progress", words),
    async wait(ms) {
      const isUndoing = store.get(id).state !== "running";
      if (!isUndoing && store.isCalledOff()) throw calledOff();
      await pause(ms, signal);
    },
  };
}

/** Opens a client for a host. */
export async function openClient(
  host: Deployment["hosts"][number],
  { env, settings, signal }: Pick<DeploymentContext, "env" | "settings" | "signal">,
): Promise<HostClient> {
  return new HostClient(host, {
    key: await readAdminKey(host, env),
    requestTimeoutMs: settings.requestTimeoutSeconds * 1000,
    loadTimeoutMs: settings.loadTimeoutSeconds * 1000,
    signal,
  });
}

/** Names of models that were brought to a host from here, the newest first. */
function broughtTo(store: DeploymentStore, host: string | null): readonly string[] {
  const names = store.list({ limit: 1000 })
    .filter(({ kind, hosts }) => kind === "deploy" && hosts.some(({ name }) => name === host))
    .map(({ model: { name } }) => name);
  return [...new Set(names)];
}
