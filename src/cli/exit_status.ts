/**
 * How errors end the program: the only place that turns them into exit statuses.
 *
 * @module
 */

import { InferenceError } from "../inference/inference_error.ts";
import { UserError } from "../utils/errors.ts";
import { printError } from "./terminal.ts";

/** Exit statuses of the program. */
export const EXIT = {
  /** All went well. */
  ok: 0,
  /** Something the user gave cannot work. */
  user: 1,
  /** The command line cannot be understood. */
  usage: 2,
  /** The daemon that is asked about does not run. */
  notRunning: 3,
  /** The program is at fault. */
  internal: 70,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

/** Thrown when Ctrl-C ended the work. */
export class InterruptedError extends Error {
  /** Name of the class. */
  override readonly name = "InterruptedError";

  constructor() {
    super("Interrupted");
  }
}

/** Thrown to end with another status than 0 when all has been said. */
export class ExitError extends Error {
  /** Name of the class. */
  override readonly name = "ExitError";
  /** The status. */
  readonly status: number;

  /** Creates the error. */
  constructor(status: number) {
    super(`Exit status ${status}`);
    this.status = status;
  }
}

/** Tells the user about `error` on standard error and returns the exit status that stands for it. */
export function reportError(error: unknown): number {
  if (error instanceof InterruptedError) return EXIT.interrupted;
  if (error instanceof ExitError) return error.status;
  if (error instanceof UserError || error instanceof InferenceError) {
    printError(`error: ${error.message}${furtherHelp(error)}`);
    return EXIT.user;
  }
  const parserStatus = commandLineStatus(error);
  if (parserStatus !== undefined) return parserStatus;
  printError(`internal error: ${error instanceof Error ? stackWithCauses(error) : String(error)}`);
  return EXIT.internal;
}

/** The command that tells more about an error; only of rows there is one for all of them. */
function furtherHelp(error: Error): string {
  // recognised by its shape, so that this file loads without the room that makes it
  if (!("place" in error && "problem" in error)) return "";
  const { path } = error.place as { readonly path: string };
  const quoted = /\s/.test(path) ? JSON.stringify(path) : path;
  return `; every mistake is listed by: llm-training data validate ${quoted}`;
}

/**
 * The status of an error by which commander ends parsing: it has printed its message or help itself.
 * Recognised by its code, so that this file loads without commander.
 */
function commandLineStatus(error: unknown): number | undefined {
  if (!(error instanceof Error && "code" in error && "exitCode" in error)) return undefined;
  if (typeof error.code !== "string" || !error.code.startsWith("commander.")) return undefined;
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}

function stackWithCauses(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackWithCauses(error.cause)}` : own;
}
