/**
 * The commands, as a table of names: a command's module is loaded only when it is called.
 *
 * @module
 */

import type { Command } from "commander";

/** Adds a command, with its options, examples and action, to `program`. */
export type RegisterCommand = (program: Command) => void;

/** One command of the program. */
export interface CommandEntry {
  /** What is typed. */
  readonly name: string;
  /** What it does, in the list of commands. */
  readonly summary: string;
  /** Loads the function that adds it. */
  readonly load: () => Promise<RegisterCommand>;
}

/** Every command, in the order of the list. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "train",
    summary: "Train a model on a data set",
    load: async () => (await import("./train.ts")).registerTrain,
  },
  {
    name: "chat",
    summary: "Talk with a model",
    load: async () => (await import("./chat.ts")).registerChat,
  },
  {
    name: "generate",
    summary: "Let a model go on from a prompt",
    load: async () => (await import("./generate.ts")).registerGenerate,
  },
  {
    name: "serve",
    summary: "Serve a model with OpenAI's API",
    load: async () => (await import("./serve.ts")).registerServe,
  },
  {
    name: "health",
    summary: "Ask a server whether it is ready",
    load: async () => (await import("./health.ts")).registerHealth,
  },
  {
    name: "keys",
    summary: "Make, list and revoke the keys of a server's clients",
    load: async () => (await import("./keys.ts")).registerKeys,
  },
  {
    name: "daemon",
    summary: "Train on whatever comes into a folder, for weeks",
    load: async () => (await import("./daemon.ts")).registerDaemon,
  },
  {
    name: "queue",
    summary: "The daemon's jobs: add, list, move, cancel",
    load: async () => (await import("./queue.ts")).registerQueue,
  },
  {
    name: "control",
    summary: "Tell the daemon to pause, resume, skip, stop or save",
    load: async () => (await import("./control.ts")).registerControl,
  },
  {
    name: "eval",
    summary: "Measure a model on a task",
    load: async () => (await import("./eval.ts")).registerEval,
  },
  {
    name: "compare",
    summary: "Tell which of two models is better, with a verdict",
    load: async () => (await import("./compare.ts")).registerCompare,
  },
  {
    name: "deploy",
    summary: "Bring a model to servers, judged, tried and watched; go back by itself",
    load: async () => (await import("./deploy.ts")).registerDeploy,
  },
  {
    name: "data",
    summary: "Check, show and generate data sets",
    load: async () => (await import("./data.ts")).registerData,
  },
  {
    name: "model",
    summary: "Download models, look at them and export them",
    load: async () => (await import("./model.ts")).registerModel,
  },
  {
    name: "run",
    summary: "List runs, look at them, plot and compare them",
    load: async () => (await import("./run.ts")).registerRun,
  },
  {
    name: "checkpoints",
    summary: "List checkpoints, pin them and remove what need not stay",
    load: async () => (await import("./checkpoints.ts")).registerCheckpoints,
  },
  {
    name: "backup",
    summary: "Back up the home, verify backups and restore them",
    load: async () => (await import("./backup.ts")).registerBackup,
  },
  {
    name: "init",
    summary: "Make a folder a home, with a commented file of settings",
    load: async () => (await import("./init.ts")).registerInit,
  },
  {
    name: "config",
    summary: "Show settings and where they come from",
    load: async () => (await import("./config.ts")).registerConfig,
  },
  {
    name: "paths",
    summary: "Print where things lie on disk",
    load: async () => (await import("./paths.ts")).registerPaths,
  },
  {
    name: "doctor",
    summary: "Show the devices of this machine, and which one is used and why",
    load: async () => (await import("./doctor.ts")).registerDoctor,
  },
  {
    name: "upgrade",
    summary: "Replace this executable by a newer release",
    load: async () => (await import("./upgrade.ts")).registerUpgrade,
  },
  {
    name: "completions",
    summary: "Print a completion script for a shell",
    load: async () => (await import("./completions.ts")).registerCompletions,
  },
];

/** The names the executable may be called by, and the command each one stands for. */
export const ALIASES: Readonly<Record<string, string>> = {
  "llm-train": "train",
  "llm-inference": "serve",
  "llm-daemon": "daemon",
};

/** The command that `serve` starts this program with, to compute for it; people have no use for it. */
export const INFERENCE_WORKER = "inference-worker";
