/**
 * The daemon: a folder that turns data into models, for weeks, unattended.
 *
 * @example A daemon that is told to stop at once
 * ```ts
 * import { DAEMON_DEFAULTS, runDaemon } from "@llm-training/llm-training/core/training_daemon";
 *
 * const messages: string[] = [];
 * await runDaemon({
 *   home: await Deno.makeTempDir(),
 *   settings: DAEMON_DEFAULTS,
 *   program: [Deno.execPath(), "run", "-A", import.meta.resolve("@llm-training/llm-training/cli")],
 *   readHome: () => Promise.resolve({}),
 *   signal: AbortSignal.abort(),
 *   onLog: ({ message }) => messages.push(message),
 * });
 * if (messages.at(-1) !== "The daemon has stopped") throw new Error("it does as it is told");
 * ```
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { openSqliteQueue } from "../management/job_queue/sqlite_queue.ts";
import { writeFileAtomic } from "../utils/atomic_file.ts";
import { type Clock, systemClock } from "../utils/clock.ts";
import { messageOf, UserError } from "../utils/errors.ts";
import type { JsonObject } from "../utils/json.ts";
import { homePaths } from "../utils/paths.ts";
import denoConfig from "../../deno.json" with { type: "json" };
import type { DaemonContext } from "./daemon/context.ts";
import { answerControlFile, readControlFiles } from "./daemon/control_files.ts";
import { Daemon } from "./daemon/daemon.ts";
import { deployLive } from "./daemon/deploy_live.ts";
import { removeLeftovers } from "./daemon/dataset_store.ts";
import { generatingSkill } from "./daemon/generate_job.ts";
import { serveDaemon } from "./daemon/http/serve_daemon.ts";
import { lockInstance } from "./daemon/instance_lock.ts";
import { type LogEntry, openLog } from "./daemon/log.ts";
import type { DaemonSettings } from "./daemon/settings.ts";
import { composeStatus, type DaemonStatus, statusPath } from "./daemon/status.ts";
import { trainerStarter } from "./daemon/trainer_process.ts";
import { keepInOrder, type UpkeepRules } from "./daemon/upkeep.ts";
import { freeDiskBytes } from "./training/rehearsal.ts";

export {
  DAEMON_DEFAULTS,
  type DaemonSettings,
  TRAINING_POLICIES,
  type TrainingPolicy,
} from "./daemon/settings.ts";
export type { LogEntry, LogLevel } from "./daemon/log.ts";
export type { UpkeepRules } from "./daemon/upkeep.ts";
export { DAEMON_STATES, type DaemonState, type DaemonStatus } from "./daemon/status.ts";
export type { JobView } from "./daemon/job_view.ts";
export type { FixedSetLoss, LiveModel } from "./daemon/live_model.ts";
export {
  JOB_STATES,
  type JobState,
  type JobWish,
  PRIORITIES,
  type Priority,
} from "../management/job_queue/job.ts";
export type { JobCounts } from "../management/job_queue/queue.ts";
export type { Clock } from "../utils/clock.ts";
export type { JsonObject } from "../utils/json.ts";

/** Options of {@linkcode runDaemon}. */
export interface RunDaemonOptions {
  /** The home folder. */
  readonly home: string;
  /** The daemon's settings. */
  readonly settings: DaemonSettings;
  /** The executable, and what goes before the arguments of `llm-training`: by it trainers are started. */
  readonly program: readonly [string, ...string[]];
  /** Reads the settings of runs that the home gives now. */
  readonly readHome: () => Promise<JsonObject>;
  /** The environment, by which models are found. @default {{}} */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Tells the daemon to stop, as the command does. */
  readonly signal?: AbortSignal;
  /** By what the home is kept in order. @default {nothing is removed, and no backups are made} */
  readonly upkeep?: UpkeepRules;
  /** Whether what becomes live is deployed to the hosts of the home's settings. @default {false} */
  readonly deploy?: boolean;
  /** The key that clients of the API must send. @default {none is needed on this machine} */
  readonly apiKey?: string | undefined;
  /** Let other machines use the API without a key. @default {false} */
  readonly allowWithoutKey?: boolean;
  /** Told of all that is logged. @default {nobody} */
  readonly onLog?: (entry: LogEntry) => void;
  /** Told where the daemon takes commands, and where it serves the API, once it does. @default {nobody} */
  readonly onReady?: (status: DaemonStatus) => void;
  /** Reads the time. @default {systemClock} */
  readonly clock?: Clock;
}

const HEARTBEAT_MS = 5000;
const CONTROL_MS = 200;

/**
 * Runs the daemon of a home folder until it is told to stop; what runs then is saved and goes on next time.
 *
 * @throws {UserError} If one is running there already, or the settings cannot be.
 */
export async function runDaemon(options: RunDaemonOptions): Promise<void> {
  const { home, settings, readHome, clock = systemClock, onLog = () => {} } = options;
  const paths = homePaths(home);
  generatingSkill(settings); // refuses what cannot be
  if (settings.fixedSet !== null && !existsSync(settings.fixedSet)) {
    throw new UserError(`Cannot evaluate on "${settings.fixedSet}": there is no such file`);
  }
  // before anything is touched
  using _lock = await lockInstance(paths);
  using logFile = await openLog({
    folder: join(paths.daemon, "logs"),
    name: "daemon",
    maxBytes: settings.logBytes,
    maxFiles: settings.logFiles,
    clock,
  });
  let onChange = () => {};
  const log = (entry: LogEntry) => {
    logFile.write(entry);
    onLog(entry);
    onChange();
  };
  for (const folder of [paths.inbox, paths.data, paths.runs, paths.control]) {
    await Deno.mkdir(folder, { recursive: true });
  }
  await removeLeftovers([paths.data, paths.daemon]);
  await using queue = openSqliteQueue(paths.state, { clock });
  const { program } = options;
  const context: Omit<DaemonContext, "persist"> = {
    ...{ paths, queue, settings, readHome, clock, log },
    startTrainer: trainerStarter({ command: program, env: { LLM_TRAINING_HOME: home }, cwd: home }),
  };
  const daemon = new Daemon(context);
  const startedAtMs = clock();
  const addresses: { url: string | null; apiUrl: string | null } = { url: null, apiUrl: null };
  const status = async (): Promise<DaemonStatus> =>
    await composeStatus(paths, {
      ...daemon.state,
      version: denoConfig.version,
      startedAtMs,
      nowMs: clock(),
      ...addresses,
      running: daemon.running,
      counts: await queue.counts(),
      freeBytes: await freeDiskBytes(home),
    });
  // one after the other, so that two never write the file at once; what is asked for meanwhile is written once
  let writing: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  const beat = () =>
    next ??= writing = writing.then(() => {
      next = undefined;
      return writeStatus(status, statusPath(paths));
    });
  await using server = await serveDaemon({
    ...{ context, home, env: options.env ?? {}, wake: () => daemon.wake(), apiKey: options.apiKey },
    allowWithoutKey: options.allowWithoutKey ?? false,
    service: {
      async command(command, reason) {
        const answer = await daemon.command(command, reason);
        await beat();
        return answer;
      },
      status,
    },
    onError: (error) => log({ level: "error", message: messageOf(error), details: stackOf(error) }),
  });
  addresses.url = server.url;
  addresses.apiUrl = server.apiUrl;
  await beat();
  onChange = () => void beat();
  log({ level: "info", message: `The daemon of "${home}" runs`, details: { pid: Deno.pid } });
  options.onReady?.(await status());
  const stop = () => void daemon.command("stop", "a signal");
  options.signal?.addEventListener("abort", stop, { once: true });
  if (options.signal?.aborted) stop();
  const heartbeat = setInterval(() => void beat(), HEARTBEAT_MS);
  const obeying = obeyFiles(daemon, { folder: paths.control, log });
  const { upkeep: rules } = options;
  const keeping = rules && keepInOrder(context, { rules, signal: daemon.signal });
  const deploying = options.deploy &&
    deployLive(context, { program, home, signal: daemon.signal });
  try {
    await daemon.run();
    await obeying;
    await keeping;
    await deploying;
  } finally {
    clearInterval(heartbeat);
    onChange = () => {};
    options.signal?.removeEventListener("abort", stop);
    await beat();
    log({ level: "info", message: "The daemon has stopped" });
  }
}

/**
 * Runs the `daemon` command on `args` and returns its exit status.
 *
 * @example
 * ```ts ignore
 * import { main } from "@llm-training/llm-training/core/training_daemon";
 *
 * Deno.exit(await main(["--home", "/data/llm"]));
 * ```
 */
export async function main(args: readonly string[]): Promise<number> {
  const cli = await import("../cli/main.ts");
  return await cli.main(["daemon", ...args]);
}

/** Obeys files in the folder `folder` until the daemon stops. */
async function obeyFiles(
  daemon: Daemon,
  { folder, log }: { readonly folder: string; readonly log: (entry: LogEntry) => void },
): Promise<void> {
  const at = () => new Date().toISOString();
  const noJob = { job_id: null, requested_at_step: null, step: null };
  // what was wanted of a daemon that is gone is not wanted of this one
  for (const command of await readControlFiles(folder)) {
    const outcome = "ignored: it was there before the daemon started";
    log({ level: "warn", message: `${command}: ${outcome}` });
    await answerControlFile(folder, { command, outcome, at: at(), ...noJob });
  }
  const running = new Set<string>();
  const obeyed: Promise<void>[] = [];
  while (!daemon.signal.aborted) {
    try {
      for (const command of await readControlFiles(folder)) {
        if (running.has(command)) continue;
        running.add(command);
        obeyed.push(
          daemon.command(command, "a file").then((answer) => answerControlFile(folder, answer))
            .catch((error) => log({ level: "error", message: messageOf(error) }))
            .finally(() => running.delete(command)),
        );
      }
    } catch (error) {
      log({ level: "error", message: messageOf(error) });
    }
    await new Promise((resolve) => setTimeout(resolve, CONTROL_MS));
    if (running.size === 0) obeyed.length = 0;
  }
  await Promise.all(obeyed);
}

async function writeStatus(status: () => Promise<DaemonStatus>, path: string): Promise<void> {
  try {
    await writeFileAtomic(path, `${JSON.stringify(await status(), null, 2)}\n`);
  } catch {
    // a full disk: the age of what is there tells that it is old
  }
}

function stackOf(error: unknown): JsonObject {
  return { stack: error instanceof Error ? error.stack : undefined };
}

// not awaited: the command imports this module, which would never be evaluated
if (import.meta.main) main(Deno.args).then(Deno.exit);
