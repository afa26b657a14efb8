/**
 * A daemon in this process, whose trainers are processes of their own, over a home with a tiny model.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ControlAnswer, ControlCommand } from "../../../src/core/daemon/control.ts";
import { DAEMON_DEFAULTS, type DaemonSettings } from "../../../src/core/daemon/settings.ts";
import { keyPath } from "../../../src/core/daemon/status.ts";
import {
  type DaemonStatus,
  type LogEntry,
  runDaemon,
  type UpkeepRules,
} from "../../../src/core/training_daemon.ts";
import type { Job } from "../../../src/management/job_queue/job.ts";
import type { JobQueue } from "../../../src/management/job_queue/queue.ts";
import { openSqliteQueue } from "../../../src/management/job_queue/sqlite_queue.ts";
import type { JsonObject } from "../../../src/utils/json.ts";
import { type HomePaths, homePaths } from "../../../src/utils/paths.ts";
import { createRandom } from "../../../src/utils/random.ts";
import { cliCommand } from "../../cli/run_cli.ts";
import { VOCABULARY, writeTinyModel } from "../../e2e/tiny_model.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

/** Settings of runs in tests: a run of a few steps takes less than a second. */
export const RUN_SETTINGS: JsonObject = {
  device: "native",
  threads: 1,
  batchSize: 4,
  maxSteps: 6,
  learningRate: 1e-3,
};

/** Settings of the daemon in tests. */
export const QUICK: Partial<DaemonSettings> = {
  pollSeconds: 0.1,
  settleSeconds: 0.1,
  minFreeBytes: 0,
  retrySeconds: 0.1,
};

/** A home folder with a tiny model in it. */
export interface TestHome extends AsyncDisposable {
  /** Its path. */
  readonly home: string;
  /** What lies in it. */
  readonly paths: HomePaths;
  /** Its jobs; open until the home is disposed of. */
  readonly queue: JobQueue;
  /** Writes rows into the inbox, all at once; equal seeds give equal rows. */
  drop(name: string, options: { readonly seed: number; readonly rows?: number }): Promise<string>;
}

/** Options of {@linkcode testHome}. */
export interface TestHomeOptions {
  /** Folder that the home lies in. @default {a temporary one} */
  readonly folder?: { readonly path: string } & AsyncDisposable;
}

/** Makes a home whose settings are {@linkcode RUN_SETTINGS} with `settings` on top. */
export async function testHome(
  settings: JsonObject = {},
  options: TestHomeOptions = {},
): Promise<TestHome> {
  const folder = options.folder ?? await temporaryFolder();
  const home = join(folder.path, "home");
  const paths = homePaths(home);
  await Deno.mkdir(paths.inbox, { recursive: true });
  const model = await writeTinyModel(join(paths.models, "tiny"));
  await Deno.writeTextFile(
    paths.settings,
    JSON.stringify({ model, ...RUN_SETTINGS, ...settings }),
  );
  const queue = openSqliteQueue(paths.state);
  return {
    ...{ home, paths, queue },
    async drop(name, { seed, rows = 12 }) {
      const path = join(paths.inbox, name);
      await Deno.mkdir(join(path, ".."), { recursive: true });
      await Deno.writeTextFile(`${path}.part`, tokenRows(seed, rows));
      await Deno.rename(`${path}.part`, path);
      return path;
    },
    [Symbol.asyncDispose]: async () => {
      await queue[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Returns rows of token ids as JSON lines; equal seeds give equal rows. */
export function tokenRows(seed: number, count: number): string {
  const random = createRandom(seed);
  const rows = Array.from({ length: count }, () => {
    const ids = Array.from({ length: 6 + random.integer(8) }, () => random.integer(VOCABULARY));
    return JSON.stringify({ input_ids: ids, labels: ids });
  });
  return `${rows.join("\n")}\n`;
}

/** A daemon that runs. */
export interface TestDaemon extends AsyncDisposable {
  /** What it said when it was ready. */
  readonly ready: DaemonStatus;
  /** What it has logged. */
  readonly log: readonly LogEntry[];
  /** Its status now, over HTTP. */
  status(): Promise<DaemonStatus>;
  /** Tells it something over HTTP. */
  command(command: ControlCommand): Promise<ControlAnswer>;
  /** Fulfilled when it has ended. */
  readonly ended: Promise<void>;
}

/** Options of {@linkcode startDaemon}. */
export interface StartOptions {
  /** Its settings, on top of {@linkcode QUICK}. */
  readonly settings?: Partial<DaemonSettings>;
  /** The key of the API. */
  readonly apiKey?: string;
  /** What starts trainers. @default {the command line} */
  readonly program?: readonly [string, ...string[]];
  /** By what the home is kept in order. @default {nothing} */
  readonly upkeep?: UpkeepRules;
}

/** Starts a daemon; disposing stops it. */
export async function startDaemon(
  { home, paths }: TestHome,
  { settings = {}, apiKey, program = cliCommand(), upkeep }: StartOptions = {},
): Promise<TestDaemon> {
  const stop = new AbortController();
  const log: LogEntry[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<DaemonStatus>();
  const ended = runDaemon({
    home,
    settings: { ...DAEMON_DEFAULTS, ...QUICK, ...settings },
    program,
    readHome: async () => JSON.parse(await Deno.readTextFile(paths.settings)),
    signal: stop.signal,
    apiKey,
    ...upkeep && { upkeep },
    onLog: (entry) => log.push(entry),
    onReady: resolve,
  });
  ended.catch(reject);
  const ready = await promise;
  const call = async (method: string, path: string) => {
    const key = (await Deno.readTextFile(keyPath(paths))).trim();
    const response = await fetch(`${ready.url}/daemon/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
    });
    return await response.json();
  };
  return {
    ...{ ready, log, ended },
    status: () => call("GET", "status"),
    command: (command) => call("POST", command),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await ended;
    },
  };
}

/** The longest that a test waits for something. */
const PATIENCE_MS = 60_000;

/** Waits until `find` returns something. */
export async function until<T>(
  find: () => Promise<T | undefined | false> | T | undefined | false,
  what = "it",
): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until there are `count` jobs that train, all of them over. */
export async function untilDone(queue: JobQueue, count: number): Promise<readonly Job[]> {
  return await until(async () => {
    const jobs = (await queue.list({ kinds: ["train"], order: "newest" })).toReversed();
    const done = jobs.filter(({ finishedAtMs }) => finishedAtMs !== null);
    return jobs.length === count && done.length === count && jobs;
  }, `${count} jobs to end`);
}

/** Reads a JSON file. */
export async function readJson(path: string): Promise<JsonObject> {
  return existsSync(path) ? JSON.parse(await Deno.readTextFile(path)) : {};
}
