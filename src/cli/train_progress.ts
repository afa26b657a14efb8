/**
 * What a person sees of a training run: a line that is written over on a terminal, a line now and then elsewhere.
 *
 * @module
 */

import type { TrainEvent } from "../core/train.ts";
import type { StepMetrics } from "../core/training/run_folder.ts";
import { formatBytes, formatCount, formatDuration, formatRate } from "../utils/format.ts";
import {
  batchingLine,
  checkingLine,
  droppedText,
  fileLines,
  tokenizingLine,
} from "./data_progress.ts";
import { memoryLine } from "./run_plan_table.ts";
import { printError, writeError } from "./terminal.ts";

/** Shows the events of a run on standard error. */
export interface ProgressDisplay {
  /** Shows one event. */
  show(event: TrainEvent): void;
}

/** Where and how often progress is shown. */
interface DisplayState {
  startedMs: number;
  startStep: number;
  shownMs: number;
  lossAverage: number | undefined;
  memory: string;
  data: readonly string[];
}

/** Time between lines where they cannot be written over, in milliseconds. */
const LINE_INTERVAL_MS = 5_000;

/** Time between updates of a line on a terminal, in milliseconds. */
const UPDATE_INTERVAL_MS = 100;

/** Weight of the newest loss in the average that is shown. */
const NEWEST_WEIGHT = 0.1;

/** Creates the display for this process's standard error. */
export function createProgressDisplay(): ProgressDisplay {
  const live = Deno.stderr.isTerminal();
  const state: DisplayState = {
    startedMs: 0,
    startStep: 0,
    shownMs: 0,
    lossAverage: undefined,
    memory: "",
    data: [],
  };
  const line = (text: string) => printError(live ? `\r\x1b[K${text}` : text);
  return {
    show(event) {
      switch (event.kind) {
        case "checking":
          return showDataWork(event, { state, live, line, text: checkingLine(event) });
        case "tokenizing":
          return showDataWork(event, { state, live, line, text: tokenizingLine(event) });
        case "data":
          state.data = [...fileLines(event), batchingLine(event.batching)];
          return;
        case "planned":
          // told with the rest once the run starts: what ends it before is one line
          state.memory = memoryLine(event.plan);
          return;
        case "started":
          state.startedMs = Date.now();
          state.startStep = event.step;
          for (const text of introduction(event, state)) line(text);
          return;
        case "warning":
          return line(`warning: ${event.message}`);
        case "sample":
          return line(
            `step ${event.step} sample: ${JSON.stringify(event.prompt + " → " + event.text)}`,
          );
        case "stopped":
          return line(
            `step ${event.step} stopped early: no lower eval loss since step ${event.best.step} ` +
              `(${event.best.loss.toFixed(4)}, ${event.best.path})`,
          );
        case "saved":
          return line(`step ${event.step} saved: ${event.path}`);
        case "step":
          return showStep(event, { state, live, line });
      }
    },
  };
}

function introduction(
  event: Extract<TrainEvent, { kind: "started" }>,
  { memory, data: dataLines }: Pick<DisplayState, "memory" | "data">,
): string[] {
  const {
    modelType,
    parameters,
    trainedParameters,
    device,
    deviceReason,
    data,
    step,
    totalSteps,
    output,
  } = event;
  const cut = data.truncatedRows > 0 ? `, ${formatCount(data.truncatedRows)} rows cut short` : "";
  return [
    `model: ${modelType}, ${formatCount(parameters)} parameters` +
    (trainedParameters === parameters
      ? ""
      : `, an adapter of ${formatCount(trainedParameters)} is trained`),
    `data: ${formatCount(data.rows)} rows, ${formatCount(data.trainedTokens)} of ${
      formatCount(data.tokens)
    } tokens trained${cut}${droppedText(data)}`,
    ...dataLines,
    `device: ${device} (${deviceReason})`,
    step < totalSteps
      ? `run: ${output}, steps ${step + 1} to ${totalSteps}`
      : `run: ${output}, all ${totalSteps} steps are done`,
    memory,
  ];
}

function showDataWork(
  { elapsedMs }: Extract<TrainEvent, { kind: "checking" | "tokenizing" }>,
  { state, live, line, text }: {
    readonly text: string;
    readonly state: DisplayState;
    readonly live: boolean;
    readonly line: (text: string) => void;
  },
): void {
  const now = Date.now();
  // what takes less than a line's interval is not worth one
  if (!live && elapsedMs < LINE_INTERVAL_MS) return;
  if (now - state.shownMs < (live ? UPDATE_INTERVAL_MS : LINE_INTERVAL_MS)) return;
  state.shownMs = now;
  if (live) writeError(`\r\x1b[K${text}`);
  else line(text);
}

function showStep(
  { metrics, totalSteps }: Extract<TrainEvent, { kind: "step" }>,
  { state, live, line }: {
    readonly state: DisplayState;
    readonly live: boolean;
    readonly line: (text: string) => void;
  },
): void {
  const { loss, step } = metrics;
  state.lossAverage = state.lossAverage === undefined
    ? loss
    : state.lossAverage + (loss - state.lossAverage) * NEWEST_WEIGHT;
  const now = Date.now();
  const last = step === totalSteps;
  const evaluated = metrics.eval_loss !== undefined;
  const interval = live ? UPDATE_INTERVAL_MS : LINE_INTERVAL_MS;
  if (!last && !evaluated && now - state.shownMs < interval) return;
  state.shownMs = now;
  const text = stepLine(metrics, { totalSteps, state, now });
  if (live && !last && !evaluated) writeError(`\r\x1b[K${text}`);
  else line(text);
}

function stepLine(
  metrics: StepMetrics,
  { totalSteps, state, now }: {
    readonly totalSteps: number;
    readonly state: DisplayState;
    readonly now: number;
  },
): string {
  const { step, eval_loss } = metrics;
  const done = step - state.startStep;
  const elapsedMs = now - state.startedMs;
  const remainingMs = elapsedMs / done * (totalSteps - step);
  return [
    `step ${step}/${totalSteps}`,
    `loss ${state.lossAverage!.toFixed(4)}`,
    ...(eval_loss === undefined ? [] : [`eval loss ${eval_loss.toFixed(4)}`]),
    `lr ${Number(metrics.learning_rate.toPrecision(3))}`,
    formatRate(metrics.tokens_per_second, "tokens"),
    step === totalSteps ? `in ${formatDuration(elapsedMs)}` : `ETA ${formatDuration(remainingMs)}`,
    formatBytes(Deno.memoryUsage().rss),
  ].join("  ");
}
