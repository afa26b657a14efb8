/**
 * `train --supervised`: a run that another process steers by commands on standard input.
 *
 * @module
 */

import {
  parseTrainerRequest,
  type RunFailure,
  type SupervisionMessage,
  type TrainerRequest,
} from "../core/daemon/trainer_protocol.ts";
import type { TrainEvent, TrainOptions, TrainResult } from "../core/train.ts";
import { DownloadError } from "../models/hub/hub_error.ts";
import { messageOf, UserError } from "../utils/errors.ts";
import { isDiskFull } from "../utils/file_error.ts";
import { inputLines } from "./input_lines.ts";

/** What a supervised run is given. */
export type SupervisedOptions = Required<
  Pick<TrainOptions, "isCheckpointWanted" | "signal" | "onEvent">
>;

/** A command and where the run stood when it came. */
interface Pending {
  readonly request: TrainerRequest;
  readonly requestedAtStep: number;
}

/**
 * Runs `work` under supervision: all that happens is printed, commands are carried out and acknowledged.
 *
 * @throws What `work` throws, unless that is because it was stopped.
 */
export async function supervise(
  work: (options: SupervisedOptions) => Promise<TrainResult>,
  interrupt: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const pending: Pending[] = [];
  let isCheckpointWanted = false;
  let step = 0;
  const acknowledge = (command: TrainerRequest["command"]) => {
    for (const { request, requestedAtStep } of pending.splice(0)) {
      // whoever asked for a checkpoint has one too when the run ends
      if (command === "checkpoint" && request.command === "stop") {
        pending.push({ request, requestedAtStep });
      } else tell({ kind: "acknowledged", ...request, requestedAtStep, step });
    }
  };
  void readCommands((request) => {
    pending.push({ request, requestedAtStep: step });
    if (request.command === "stop") stop.abort();
    else isCheckpointWanted = true;
  }).finally(() => stop.abort());
  try {
    const result = await work({
      signal: AbortSignal.any([stop.signal, interrupt]),
      isCheckpointWanted: () => {
        const isWanted = isCheckpointWanted;
        isCheckpointWanted = false;
        return isWanted;
      },
      onEvent: (event) => {
        tell(event);
        if (event.kind === "started") step = event.step;
        if (event.kind === "step") step = event.metrics.step;
        if (event.kind === "saved") acknowledge("checkpoint");
      },
    });
    step = result.step;
    acknowledge("stop");
    tell({
      kind: "ended",
      end: result.interrupted ? "interrupted" : result.stoppedEarly ? "stopped_early" : "finished",
      step,
      checkpoint: result.checkpoint ?? null,
      best: result.best?.path ?? null,
    });
  } catch (error) {
    if (interrupt.aborted || stop.signal.aborted && isAbort(error)) {
      tell({ kind: "ended", end: "interrupted", step, checkpoint: null, best: null });
      return;
    }
    throw error;
  }
}

/** Tells why there is no result. */
export function tellFailure(error: unknown): void {
  const reason: RunFailure = isDiskFull(error)
    ? "disk_full"
    : error instanceof DownloadError
    ? "download"
    : error instanceof UserError
    ? "input"
    : "internal";
  tell({ kind: "failed", reason, message: messageOf(error) });
}

/** Prints a message; a supervisor that is gone is found out by the end of the input. */
export function tell(message: SupervisionMessage | TrainEvent): void {
  let line = new TextEncoder().encode(`${JSON.stringify(message)}\n`);
  try {
    while (line.length > 0) line = line.subarray(Deno.stdout.writeSync(line));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

async function readCommands(onRequest: (request: TrainerRequest) => void): Promise<void> {
  for await (const line of inputLines("")) {
    if (line.trim() !== "") onRequest(parseTrainerRequest(line));
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
