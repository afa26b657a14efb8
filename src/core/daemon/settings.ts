/**
 * The settings of the daemon: one table for flags, help, the file of the home and its schema.
 *
 * @module
 */

import { defaultsOf, type SettingTable } from "../../utils/settings/setting.ts";

/** What a file trains on from: the live model, or the model of the settings. */
export const TRAINING_POLICIES = ["live", "base"] as const;

/** What a file trains on from. */
export type TrainingPolicy = (typeof TRAINING_POLICIES)[number];

/** The settings of the daemon. */
export interface DaemonSettings {
  /** What each file trains on from. */
  readonly policy: TrainingPolicy;
  /** The most time between two looks at the inbox and the queue. */
  readonly pollSeconds: number;
  /** How long a file in the inbox must have stayed the same. */
  readonly settleSeconds: number;
  /** The daemon waits while the disk has less room than this. */
  readonly minFreeBytes: number;
  /** Failures after which a job has failed. */
  readonly maxFailures: number;
  /** How long the daemon waits after a first failure; twice as long after each further one. */
  readonly retrySeconds: number;
  /** A trainer that says nothing for so long is killed. */
  readonly stallMinutes: number;
  /** JSON Lines file that each model is evaluated on before and after; null evaluates on nothing. */
  readonly fixedSet: string | null;
  /** How much higher the loss on the fixed set may become, as a part of what it was. */
  readonly regressionTolerance: number;
  /** Program with its arguments that is run after each file, with the checkpoint's folder; null runs none. */
  readonly evaluateCommand: readonly string[] | null;
  /** Skill that makes rows when the queue is empty; null makes none. */
  readonly generateSkill: string | null;
  /** Program with its arguments that writes rows to its standard output when the queue is empty; null has none. */
  readonly generateCommand: readonly string[] | null;
  /** Rows that the skill makes. */
  readonly generateRows: number;
  /** Level of the skill. */
  readonly generateLevel: number;
  /** The least time between two generations. */
  readonly generateCooldownSeconds: number;
  /** Times at which rows are made besides, as cron writes them; null has none. */
  readonly generateSchedule: string | null;
  /** Hours from one pruning of checkpoints to the next; null prunes never. */
  readonly pruneHours: number | null;
  /** A log file that is longer than this is put aside. */
  readonly logBytes: number;
  /** Log files that are kept. */
  readonly logFiles: number;
  /** The address that the API of fine-tuning listens on. */
  readonly host: string;
  /** The port of the API of fine-tuning; null has no API. */
  readonly port: number | null;
  /** The largest file that the API takes. */
  readonly maxUploadBytes: number;
  /** The most jobs that may wait when the API takes another. */
  readonly maxQueuedJobs: number;
}

/** The definition of every setting of the daemon. */
export const DAEMON_SETTINGS: SettingTable<DaemonSettings> = {
  policy: {
    kind: "choice",
    choices: TRAINING_POLICIES,
    default: "live",
    value: "policy",
    help: "what each file trains on from: the live model, which the file before made, or the base",
  },
  pollSeconds: {
    kind: "number",
    min: 0.05,
    default: 2,
    value: "seconds",
    help: "the most time between two looks at the inbox and the queue",
  },
  settleSeconds: {
    kind: "number",
    min: 0,
    default: 2,
    value: "seconds",
    help: "how long a file in the inbox must have stayed the same before it is taken",
  },
  minFreeBytes: {
    kind: "integer",
    min: 0,
    default: 2_000_000_000,
    value: "bytes",
    help: "wait while the disk has less room than this",
  },
  maxFailures: {
    kind: "integer",
    min: 1,
    default: 3,
    help: "failures after which a job is given up",
  },
  retrySeconds: {
    kind: "number",
    min: 0,
    default: 30,
    value: "seconds",
    help: "wait after a first failure; twice as long after each further one",
  },
  stallMinutes: {
    kind: "number",
    min: 0.01,
    default: 60,
    value: "minutes",
    help: "kill a trainer that has said nothing for so long",
  },
  fixedSet: {
    kind: "path",
    default: null,
    value: "file",
    help:
      "JSON Lines file on which the model is evaluated before and after each file; where it has become worse, the model before stays the live one",
  },
  regressionTolerance: {
    kind: "number",
    min: 0,
    default: 0.05,
    value: "part",
    help: "how much higher the loss on the fixed set may become, as a part of what it was",
  },
  evaluateCommand: {
    kind: "texts",
    default: null,
    value: "word",
    help:
      "program and its arguments, run after each file with the checkpoint's folder as its last argument; it refuses the model by its exit status",
  },
  generateSkill: {
    kind: "text",
    default: null,
    value: "name",
    help: "skill that makes rows when there is nothing to do",
  },
  generateCommand: {
    kind: "texts",
    default: null,
    value: "word",
    help:
      "program and its arguments that write rows to standard output when there is nothing to do",
  },
  generateRows: {
    kind: "integer",
    min: 1,
    default: 1000,
    value: "rows",
    help: "rows that the skill makes at once",
  },
  generateLevel: {
    kind: "integer",
    min: 1,
    default: 1,
    value: "level",
    help: "level of the skill",
  },
  generateCooldownSeconds: {
    kind: "number",
    min: 0,
    default: 180,
    value: "seconds",
    help: "the least time between two generations",
  },
  generateSchedule: {
    kind: "text",
    default: null,
    value: "cron",
    help: "times at which rows are made besides, as cron writes them",
  },
  pruneHours: {
    kind: "number",
    min: 0.001,
    default: 1,
    value: "hours",
    help: "how often checkpoints are let go by the rules of retention; none never does it",
  },
  logBytes: {
    kind: "integer",
    min: 1000,
    default: 10_000_000,
    value: "bytes",
    help: "begin a new log file when one is longer than this",
  },
  logFiles: { kind: "integer", min: 1, default: 5, help: "log files that are kept" },
  host: {
    kind: "text",
    default: "127.0.0.1",
    value: "address",
    help: "the address that the API of fine-tuning listens on",
  },
  port: {
    kind: "integer",
    min: 0,
    max: 65535,
    default: null,
    help: "serve OpenAI's API of fine-tuning on this port; 0 takes a free one",
  },
  maxUploadBytes: {
    kind: "integer",
    min: 1,
    default: 512 * 2 ** 20,
    value: "bytes",
    help: "the largest file that the API takes",
  },
  maxQueuedJobs: {
    kind: "integer",
    min: 1,
    default: 1000,
    value: "jobs",
    help: "the most jobs that may wait when the API takes another",
  },
};

/** What each setting is where nothing else is said. */
export const DAEMON_DEFAULTS: DaemonSettings = defaultsOf(DAEMON_SETTINGS) as DaemonSettings;
