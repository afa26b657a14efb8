/**
 * Deploys what the daemon has made live, by `llm-training deploy` as a process of its own: evaluating a model there, or a
 * host that is away for hours, costs the daemon nothing. What is wanted is read from the disk each time, so that nothing
 * is forgotten when either of them is killed.
 *
 * @module
 */

import { DeploymentStore } from "../../monitoring/deployment/store.ts";
import type { Deployment } from "../../monitoring/deployment/deployment.ts";
import { messageOf } from "../../utils/errors.ts";
import type { DaemonContext } from "./context.ts";
import { type LiveModel, readLiveModel } from "./live_model.ts";
import { createWake } from "./wake.ts";

/** What deploying takes. */
export interface DeployLiveOptions {
  /** The executable, and what goes before the arguments of `llm-training`. */
  readonly program: readonly [string, ...string[]];
  /** The home folder. */
  readonly home: string;
  /** Fires when the daemon stops: a deployment under way goes on when it runs again. */
  readonly signal: AbortSignal;
  /** How long to wait after a deployment that went wrong; twice as long after each further one. @default {60_000} */
  readonly retryMs?: number;
}

/** A model whose deployments went wrong so often is left alone. */
const MAX_ROLLBACKS = 5;

/** A process that was asked to end and does not is killed. */
const STOP_MS = 20_000;

type Context = Omit<DaemonContext, "persist">;

/** Keeps hosts at the live model until the daemon stops. */
export async function deployLive(context: Context, options: DeployLiveOptions): Promise<void> {
  const { paths, settings, clock, log } = context;
  const { signal, retryMs = 60_000 } = options;
  const { wait } = createWake(signal);
  using store = new DeploymentStore(paths.state, { clock });
  let failures = 0;
  let notBeforeMs = -Infinity;
  let tried: string | undefined;
  while (!signal.aborted) {
    try {
      const live = await readLiveModel(paths.live);
      if (live?.checkpoint !== tried) [failures, notBeforeMs] = [0, -Infinity];
      tried = live?.checkpoint;
      if (live !== undefined && clock() >= notBeforeMs && isDue(live, store)) {
        const isOver = await deploy(live, { context, options, store });
        if (!isOver) notBeforeMs = clock() + retryMs * 2 ** failures++;
      }
    } catch (error) {
      if (signal.aborted) return;
      log({ level: "error", message: `The live model is not deployed: ${messageOf(error)}` });
      notBeforeMs = clock() + retryMs * 2 ** failures++;
    }
    await wait(Math.max(500, settings.pollSeconds * 1000));
  }
}

/** Whether a model is neither deployed, nor refused, nor rolled back too often. */
function isDue(live: LiveModel, store: DeploymentStore): boolean {
  if (store.freeze() !== undefined) return false;
  if (store.unfinished() !== undefined) return true;
  const all = deploymentsOf(live, store);
  if (all.some(({ state }) => state === "done" || state === "refused")) return false;
  return all.length < MAX_ROLLBACKS;
}

function deploymentsOf(
  { checkpoint }: LiveModel,
  store: DeploymentStore,
): readonly Deployment[] {
  return store.list({ limit: 1000 })
    .filter(({ kind, source }) => kind === "deploy" && source === checkpoint);
}

/** Deploys a model; `false` if it is to be tried again. */
async function deploy(
  live: LiveModel,
  { context: { log, queue }, options: { program, home, signal }, store }: {
    readonly context: Context;
    readonly options: DeployLiveOptions;
    readonly store: DeploymentStore;
  },
): Promise<boolean> {
  const [executable, ...head] = program;
  const { checkpoint, job_id: job } = live;
  log({ level: "info", message: `Deploying ${checkpoint}`, details: { job } });
  const child = new Deno.Command(executable, {
    args: [...head, "deploy", checkpoint, "--home", home, "--json"],
    env: { NO_COLOR: "1", LLM_TRAINING_HOME: home },
    cwd: home,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const stop = () => {
    endProcess(child, "SIGTERM");
    timer = setTimeout(() => endProcess(child, "SIGKILL"), STOP_MS);
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  let last = "";
  try {
    const lines = child.stderr.pipeThrough(new TextDecoderStream());
    for await (const text of lines) {
      const message = text.trim();
      if (message === "") continue;
      last = message.split("\n").at(-1)!;
      log({ level: "info", message, details: { job, from: "deploy" } });
    }
    const { code } = await child.status;
    if (signal.aborted) return false;
    const [deployment] = deploymentsOf(live, store);
    const { level, message } = wordsOf(deployment, { code, last });
    log({ level, message, details: { job } });
    await queue.note(job, { level, message, data: null });
    return deployment?.state === "done" || deployment?.state === "refused" || code === 0;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function wordsOf(
  deployment: Deployment | undefined,
  { code, last }: { readonly code: number; readonly last: string },
): { readonly level: "info" | "warn" | "error"; readonly message: string } {
  switch (deployment?.state) {
    case "done": {
      const { model, hosts } = deployment;
      const names = hosts.map(({ name }) => name).join(", ");
      return { level: "info", message: `The model is deployed as ${model.name} to ${names}` };
    }
    case "refused":
      return { level: "warn", message: `The model is not deployed: ${deployment.error}` };
    case "rolled_back":
      return {
        level: "error",
        message: `The model is not deployed, the one before is live: ${deployment.error}`,
      };
    case "running":
    case "rolling_back":
    case undefined:
      if (code === 0) return { level: "info", message: "The model is live on every host already" };
      return { level: "error", message: `The model is not deployed: ${last}` };
  }
}

function endProcess(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // it has just ended
  }
}
