/**
 * The trainer of one job, from its start to its end, and what it says meanwhile.
 *
 * @module
 */

import { messageOf } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { isRunLocked } from "../../monitoring/runs/run_lock.ts";
import { countMemoryKills } from "./memory_kills.ts";
import type { StartTrainer, TrainerProcess } from "./trainer_process.ts";
import type { RunEnded, RunFailure } from "./trainer_protocol.ts";

/** How a trainer came to its end. */
export type TrainerEnd =
  | {
    /** It has done all steps, or enough of them. */
    readonly kind: "finished";
    /** Its last message. */
    readonly ended: RunEnded;
  }
  | {
    /** It was asked to stop and has saved. */
    readonly kind: "interrupted";
    /** Steps done. */
    readonly step: number;
  }
  | {
    /** It says why it failed. */
    readonly kind: "failed";
    /** Whose fault it is. */
    readonly reason: RunFailure;
    /** In words. */
    readonly message: string;
  }
  | {
    /** Somebody has killed it. */
    readonly kind: "killed";
    /** By which signal. */
    readonly signal: string;
  };

/** Signals that come from outside; others tell that the program is at fault. */
const OUTSIDE_SIGNALS: readonly string[] = ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"];

/** The exit status of a program that was interrupted. */
const EXIT_INTERRUPTED = 130;

/** Options of {@linkcode followTrainer}. */
export interface FollowOptions {
  /** A trainer that says nothing for so long is killed. */
  readonly stallMs: number;
  /** Told of each event of the run. */
  readonly onEvent: (event: JsonObject) => void;
}

/** Follows a trainer to its end. */
export async function followTrainer(
  trainer: TrainerProcess,
  { stallMs, onEvent }: FollowOptions,
): Promise<TrainerEnd> {
  const memoryKills = await countMemoryKills();
  let last: TrainerEnd | undefined;
  let stalled = false;
  const kill = () => {
    stalled = true;
    trainer.kill();
  };
  let timer = setTimeout(kill, stallMs);
  try {
    for await (const message of trainer.messages) {
      clearTimeout(timer);
      timer = setTimeout(kill, stallMs);
      if (message.kind === "event") onEvent(message.event);
      else if (message.kind === "failed") last ??= message;
      else if (message.kind === "ended") {
        const { step, end } = message;
        last = end === "interrupted"
          ? { kind: "interrupted", step }
          : { kind: "finished", ended: message };
      }
    }
  } finally {
    clearTimeout(timer);
  }
  const { code, signal, stderr } = await trainer.end;
  if (last !== undefined) return last;
  const reason = "internal";
  if (stalled) {
    const message = `the trainer said nothing for ${stallMs / 60_000} minutes and was killed`;
    return { kind: "failed", reason, message };
  }
  if (signal === "SIGKILL" && await countMemoryKills() > memoryKills) {
    const message =
      "the system killed the trainer for lack of memory; give it less to do, for example by " +
      '"batchSize", "maxLength" or "gradientCheckpointing"';
    return { kind: "failed", reason, message };
  }
  if (signal !== null && OUTSIDE_SIGNALS.includes(signal)) return { kind: "killed", signal };
  // a second Ctrl-C, which ends it before it has saved
  if (code === EXIT_INTERRUPTED) return { kind: "killed", signal: "SIGINT" };
  const end = signal === null ? `exit status ${code}` : `signal ${signal}`;
  const words = stderr.split("\n").at(-1) ?? "";
  return {
    kind: "failed",
    reason,
    message: `the trainer ended with ${end}${words && `: ${words}`}`,
  };
}

/** Waits until no process trains in the folder of a run: one whose daemon died saves and ends by itself. */
export async function untilFree(
  folder: string,
  { wait, isStopped }: {
    readonly wait: (ms: number) => Promise<void>;
    readonly isStopped: () => boolean;
  },
): Promise<void> {
  for (;;) {
    if (!await isRunLocked(folder)) return;
    if (isStopped()) return;
    await wait(100);
  }
}

/** Options of {@linkcode runLossTrainer}. */
export interface LossTrainerOptions {
  /** Starts it. */
  readonly startTrainer: StartTrainer;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** The loss of a model on a data set. */
export interface MeasuredLoss {
  /** Mean loss. */
  readonly loss: number;
  /** SHA-256 of the data. */
  readonly datasetSha256: string;
}

/**
 * Has a process of its own compute the loss of a model.
 *
 * @throws {Error} If it cannot: that says nothing about the model.
 */
export async function runLossTrainer(
  { startTrainer, args, signal }: LossTrainerOptions,
): Promise<MeasuredLoss> {
  const trainer = startTrainer({ args });
  const kill = () => trainer.kill();
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  let problem: string | undefined;
  let result: MeasuredLoss | undefined;
  try {
    for await (const message of trainer.messages) {
      if (message.kind === "evaluated") result = message;
      if (message.kind === "failed") problem = message.message;
    }
    const { code, stderr } = await trainer.end;
    signal.throwIfAborted();
    if (result !== undefined) return result;
    throw new Error(
      `Cannot evaluate: ${problem ?? `exit status ${code}: ${messageOf(stderr)}`}`,
    );
  } finally {
    signal.removeEventListener("abort", kill);
  }
}
