/**
 * The daemon as a process of its own, to be killed.
 *
 * @module
 */

import type { ControlAnswer, ControlCommand } from "../../../src/core/daemon/control.ts";
import { keyPath, statusPath } from "../../../src/core/daemon/status.ts";
import type { DaemonStatus } from "../../../src/core/training_daemon.ts";
import { cliCommand } from "../../cli/run_cli.ts";
import { type TestHome, until } from "./test_daemon.ts";

/** The daemon as a process of its own. */
export interface DaemonProgram extends AsyncDisposable {
  /** Its process. */
  readonly pid: number;
  /** Its status now; `undefined` if it does not answer. */
  status(): Promise<DaemonStatus | undefined>;
  /** Tells it something. */
  command(command: ControlCommand): Promise<ControlAnswer>;
  /** Kills it, and waits until it is gone. */
  kill(): Promise<void>;
  /** Waits for its end and returns the exit status. */
  exit(): Promise<number>;
}

/** Starts the daemon of a home; disposing kills it. */
export async function startProgram(
  { home, paths }: TestHome,
  args: readonly string[] = [],
): Promise<DaemonProgram> {
  const [program, ...head] = cliCommand();
  const child = new Deno.Command(program, {
    args: [
      ...[...head, "daemon", "--home", home, "--poll-seconds", "0.1", "--settle-seconds", "0.1"],
      ...["--min-free-bytes", "0", "--retry-seconds", "0.1", ...args],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let isOver = false;
  child.status.then(() => isOver = true);
  const call = async (method: string, path: string): Promise<unknown> => {
    const { url } = JSON.parse(await Deno.readTextFile(statusPath(paths)));
    const key = (await Deno.readTextFile(keyPath(paths))).trim();
    const response = await fetch(`${url}/daemon/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
    });
    return await response.json();
  };
  const status = async () => {
    try {
      const found = await call("GET", "status") as DaemonStatus;
      return found.pid === child.pid ? found : undefined;
    } catch {
      return undefined; // it starts, or has just ended
    }
  };
  await until(async () => isOver || await status(), "the daemon to start");
  return {
    pid: child.pid,
    status,
    command: async (command) => await call("POST", command) as ControlAnswer,
    async kill() {
      killProcess(child.pid);
      await child.status;
    },
    exit: async () => (await child.status).code,
    async [Symbol.asyncDispose]() {
      if (!isOver) killProcess(child.pid);
      await child.status;
    },
  };
}

/** Kills a process that may have ended. */
export function killProcess(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // it has just ended
  }
}
