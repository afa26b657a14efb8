/**
 * Waiting for room on the disk: what cannot be written now is written later, and nothing fails for it.
 *
 * @module
 */

import { messageOf } from "../../utils/errors.ts";
import { isDiskFull } from "../../utils/file_error.ts";
import { formatBytes } from "../../utils/format.ts";
import { freeDiskBytes } from "../training/rehearsal.ts";
import type { LogEntry } from "./log.ts";
import type { Wake } from "./wake.ts";

/** Options of {@linkcode DiskGuard}. */
export interface DiskGuardOptions {
  /** The disk that this folder lies on is meant. */
  readonly folder: string;
  /** How much room is wanted before a job begins. */
  readonly minFreeBytes: number;
  /** Waits. */
  readonly wake: Wake;
  /** Ends the waiting; what cannot be written then is an error. */
  readonly signal: AbortSignal;
  /** Writes to the log. */
  readonly log: (entry: LogEntry) => void;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

/** Knows whether the disk has room. */
export class DiskGuard {
  readonly #options: DiskGuardOptions;
  #problem: string | null = null;
  #isLow = false;
  #waits = 0;
  #againAtMs = 0;

  constructor(options: DiskGuardOptions) {
    this.#options = options;
  }

  /** What is wrong with the disk; null if nothing is. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Whether there is room enough to begin a job. */
  async hasRoom(): Promise<boolean> {
    const { folder, minFreeBytes } = this.#options;
    const free = await freeDiskBytes(folder);
    if (free === undefined || free >= minFreeBytes) {
      if (this.#isLow) this.noteRoom();
      // what could not be written, although there is so much room, is tried again when it is time
      else if (performance.now() >= this.#againAtMs) this.#problem = null;
      return true;
    }
    this.#isLow = true;
    this.#setProblem(
      `the disk has ${formatBytes(free)} left and ${
        formatBytes(minFreeBytes)
      } are wanted; free some space`,
    );
    return false;
  }

  /** Notes that something could not be written, and returns how long to wait before it is tried again. */
  noteFull(error: unknown): number {
    this.#setProblem(messageOf(error));
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** this.#waits++, LONGEST_WAIT_MS);
    this.#againAtMs = performance.now() + waitMs;
    return waitMs;
  }

  /** Notes that there is room again. */
  noteRoom(): void {
    this.#waits = 0;
    this.#isLow = false;
    this.#setProblem(null);
  }

  /** Does `work`, and again while the disk is full. */
  async persist<T>(work: () => Promise<T>): Promise<T> {
    const { signal, wake } = this.#options;
    for (let waits = 0;; waits++) {
      try {
        const value = await work();
        if (waits > 0) this.noteRoom();
        return value;
      } catch (error) {
        if (!isDiskFull(error) || signal.aborted) throw error;
        await wake.wait(this.noteFull(error));
      }
    }
  }

  #setProblem(problem: string | null): void {
    const { log } = this.#options;
    if (problem === null && this.#problem !== null) {
      log({ level: "info", message: "There is room on the disk again" });
    } else if (problem !== null && this.#problem === null) {
      log({ level: "warn", message: `Waiting for the disk: ${problem}` });
    }
    this.#problem = problem;
  }
}
