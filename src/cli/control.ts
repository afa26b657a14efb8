/**
 * `control`: commands to the daemon.
 *
 * @module
 */

import type { Command } from "commander";
import {
  CONTROL_COMMANDS,
  type ControlAnswer,
  type ControlCommand,
} from "../core/daemon/control.ts";
import { keyPath, readDaemonReport } from "../core/daemon/status.ts";
import { systemClock } from "../utils/clock.ts";
import { messageOf, UserError } from "../utils/errors.ts";
import { printStatus } from "./daemon_status.ts";
import { addHomeOption, findHome, type HomeOption, type HomePlace } from "./home_option.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";

interface ControlOptions extends HomeOption {
  readonly reason?: string;
  readonly json?: boolean;
}

const HELP: Readonly<Record<ControlCommand, string>> = {
  pause: "Save what is being trained and begin nothing until resume",
  resume: "Go on after pause",
  skip: "Save what is being trained, put it aside as cancelled and go on with the next job",
  stop: "Save what is being trained and end the daemon",
  "checkpoint-now": "Save a checkpoint of what is being trained and go on",
};

/** Adds `control` and its commands to `program`. */
export function registerControl(program: Command): void {
  const control = program.command("control").description(
    "Tell the daemon what to do, and wait until it has done so. What is being trained ends within two optimizer " +
      "steps, is saved, and goes on from there later.",
  );
  for (const name of CONTROL_COMMANDS) {
    const command = addHomeOption(control.command(name).description(HELP[name]));
    addExamples(command, [`llm-training control ${name}`, `llm-training control ${name} --json`])
      .option("--reason <text>", "why, for the log")
      .option("--json", "print the answer as JSON")
      .action((options: ControlOptions) => tell(name, options));
  }
  const status = addHomeOption(control.command("status").description("Say what the daemon does"));
  addExamples(status, ["llm-training control status", "llm-training control status --json"])
    .option("--json", "print it as JSON")
    .action((options: ControlOptions) => printStatus(options));
  addExamples(control, [
    "llm-training control pause --reason 'the GPU is needed'",
    "llm-training control resume",
    "llm-training control checkpoint-now --json",
  ]);
}

async function tell(command: ControlCommand, options: ControlOptions): Promise<void> {
  const answer = await sendCommand(findHome(options), { command, reason: options.reason });
  if (options.json) return print(JSON.stringify(answer));
  const job = answer.job_id === null ? "" : `, job ${answer.job_id}`;
  print(
    `${answer.outcome}${job}${answer.step === null ? "" : `, saved after step ${answer.step}`}`,
  );
}

async function sendCommand(
  { home, paths }: HomePlace,
  { command, reason }: { readonly command: ControlCommand; readonly reason: string | undefined },
): Promise<ControlAnswer> {
  const { liveness, daemon } = await readDaemonReport(paths, { clock: systemClock });
  const url = daemon?.url;
  if (liveness === "dead" || liveness === "stopped" || url === null || url === undefined) {
    throw new UserError(
      `Cannot tell the daemon of "${home}" to ${command}: it does not run; start it with "llm-training daemon"`,
    );
  }
  const query = reason === undefined ? "" : `?reason=${encodeURIComponent(reason)}`;
  let response: Response;
  try {
    const key = (await Deno.readTextFile(keyPath(paths))).trim();
    response = await fetch(`${url}/daemon/${command}${query}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
    });
  } catch (error) {
    throw new UserError(`Cannot tell the daemon at ${url} to ${command}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const body = await response.json();
  if (!response.ok) {
    throw new UserError(`Cannot ${command}: ${body.error?.message ?? response.status}`);
  }
  return body;
}
