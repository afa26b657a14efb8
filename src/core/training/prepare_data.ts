/**
 * What a run is trained on and what it is evaluated on.
 *
 * @module
 */

import type { Dataset } from "../../datasets/dataset.ts";
import { openDataset } from "../../datasets/open_dataset.ts";
import { createOrder, sourceBorders } from "../../datasets/order.ts";
import { packExamples } from "../../datasets/packing.ts";
import { measurePadding } from "../../datasets/padding.ts";
import { splitDataset } from "../../datasets/split.ts";
import type { TokenCache } from "../../datasets/token_store/cache.ts";
import { openWorkerEncoder } from "../../datasets/worker_encoder.ts";
import { endsAtMaxPositions } from "../../models/language_model.ts";
import { type Clock, systemClock } from "../../utils/clock.ts";
import { UserError } from "../../utils/errors.ts";
import { checkData, type VerdictStore } from "./check_data.ts";
import type { TrainingConfig } from "./config.ts";
import type { BatchingSummary, DataEvent } from "./data_event.ts";
import type { TrainingModel } from "./prepare.ts";

/** The data of a run. */
export interface TrainingData extends Disposable {
  /** What is trained on. */
  readonly dataset: Dataset;
  /** What is evaluated on; `undefined` where nothing is. */
  readonly evalDataset: Dataset | undefined;
}

/** Options of {@linkcode prepareData}. */
export interface PrepareDataOptions {
  /** The model it is for. */
  readonly prepared: TrainingModel;
  /** Where tokens are kept for further runs. @default {they are not kept} */
  readonly cache?: TokenCache | undefined;
  /** Where verdicts on data sets are kept. @default {they are not kept} */
  readonly verdicts?: VerdictStore | undefined;
  /** Told what happens to the data. @default {nobody} */
  readonly onEvent?: (event: DataEvent) => void;
  /** Told what is odd about a row. @default {nobody} */
  readonly onWarning?: (warning: string) => void;
  /** Reads the time. @default {systemClock} */
  readonly clock?: Clock;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** The longest examples that are trained on unless told otherwise, in tokens. */
const DEFAULT_MAX_LENGTH = 512;

/** What takes less time is not told of. */
const PROGRESS_INTERVAL_MS = 500;

/** Threads that turn rows into tokens unless told otherwise. */
const DEFAULT_DATA_WORKERS = 2;

/**
 * Reads the data of a run.
 *
 * @throws {UserError} If the settings contradict each other, or a row cannot be used.
 */
export async function prepareData(
  config: TrainingConfig,
  options: PrepareDataOptions,
): Promise<TrainingData> {
  const { evalDataset, evalSplit, earlyStoppingPatience, seed } = config;
  if (evalDataset !== null && evalSplit !== null) {
    throw new UserError(
      "Cannot evaluate on two data sets: give either --eval-dataset or --eval-split",
    );
  }
  if (earlyStoppingPatience !== null && evalDataset === null && evalSplit === null) {
    throw new UserError(
      "Cannot stop early without evaluations: give --eval-split <part>, or --eval-dataset <file>",
    );
  }
  const clock = options.clock ?? systemClock;
  const startedMs = clock();
  let toldMs = startedMs;
  const warnings = await checkData(config.dataset, {
    evaluation: evalDataset,
    format: config.format ?? undefined,
    skipInvalidRows: config.skipInvalidRows,
    verdicts: options.verdicts,
    now: new Date(startedMs),
    onProgress(progress) {
      if (clock() - toldMs < PROGRESS_INTERVAL_MS) return;
      toldMs = clock();
      options.onEvent?.({ kind: "checking", progress, elapsedMs: toldMs - startedMs });
    },
    signal: options.signal,
  });
  using opened = new DisposableStack();
  const open = async (path: string) =>
    opened.use(await prepareDataset(path, { ...options, config }));
  const whole = await open(config.dataset);
  const { rest, heldOut } = evalSplit === null
    ? { rest: whole, heldOut: evalDataset === null ? undefined : await open(evalDataset) }
    : splitDataset(whole, { fraction: evalSplit, seed });
  // not before: what is wrong with a model or a token is the one thing that is then told
  for (const warning of warnings) options.onWarning?.(warning);
  const dataset = config.packing ? packed(rest) : rest;
  options.onEvent?.({
    kind: "data",
    files: dataset.files,
    batching: describeBatching(dataset, { config, plain: rest }),
  });
  const kept = opened.move();
  return {
    dataset,
    evalDataset: config.packing && heldOut !== undefined ? packed(heldOut) : heldOut,
    [Symbol.dispose]: () => kept.dispose(),
  };
}

/** The settings that decide what a file becomes. */
export type DataSettings = Pick<
  TrainingConfig,
  "format" | "maxLength" | "trainOn" | "truncation" | "skipInvalidRows" | "dataWorkers" | "cache"
>;

/** Reads one file for a model. */
export async function prepareDataset(
  path: string,
  options: PrepareDataOptions & { readonly config: DataSettings },
): Promise<Dataset> {
  const { config, prepared, cache, signal } = options;
  const { onEvent = () => {}, onWarning = () => {}, clock = systemClock } = options;
  const { trainee: { model }, tokenizer } = prepared;
  const { maxLength, trainOn, truncation, skipInvalidRows, dataWorkers } = config;
  if (maxLength !== null && maxLength > model.maxPositions && endsAtMaxPositions(model)) {
    throw new UserError(
      `Cannot train on rows of up to ${maxLength} tokens: the model has ${model.maxPositions} positions; ` +
        "lower --max-length",
    );
  }
  // of each file: what is done and left of it is told
  const startedMs = new Map<string, number>();
  const elapsedMs = (file: string): number => {
    const nowMs = clock();
    startedMs.set(file, startedMs.get(file) ?? nowMs);
    return nowMs - startedMs.get(file)!;
  };
  const threads = dataWorkers ?? Math.min(DEFAULT_DATA_WORKERS, navigator.hardwareConcurrency);
  return await openDataset(path, {
    tokenizer,
    vocabSize: model.vocabSize,
    maxLength: maxLength ?? Math.min(model.maxPositions, DEFAULT_MAX_LENGTH),
    ...{ format: config.format ?? undefined, trainOn, truncation, skipInvalidRows },
    cache: config.cache ? cache : undefined,
    openEncoder: threads === 1 ? undefined : (settings) => openWorkerEncoder(settings, threads),
    onWarning: (warning, place) =>
      onWarning(place === undefined ? warning : `${path}, line ${place.line}: ${warning}`),
    onProgress: (progress) =>
      onEvent({ kind: "tokenizing", progress, elapsedMs: elapsedMs(progress.path) }),
    signal,
  });
}

/** Lets examples share rows; those of sources that are drawn from by weights do not mix. */
function packed(dataset: Dataset): Dataset {
  const { lengths, maxLength, sources } = dataset;
  const mixes = sources.every(({ weight }) => weight === 1);
  const borders = mixes ? [] : sourceBorders(dataset);
  return { ...dataset, packing: packExamples(lengths, { maxLength, borders }) };
}

function describeBatching(
  dataset: Dataset,
  { config, plain }: { readonly config: TrainingConfig; readonly plain: Dataset },
): BatchingSummary {
  const { packing, groupByLength } = config;
  const { share, shapes } = measurePadding(dataset, config);
  return {
    packing,
    groupByLength,
    joins: shapes.some(({ joined }) => joined),
    sequences: createOrder(dataset, config).count,
    padding: share,
    plainPadding: packing || groupByLength
      ? measurePadding(plain, { ...config, groupByLength: false }).share
      : share,
  };
}
