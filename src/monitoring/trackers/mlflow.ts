/**
 * Shows a run on an MLflow server, by its REST API.
 *
 * The run is found there by a tag, and what it has is asked for, so that nothing has to be remembered here.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";
import type { LoggedMetrics } from "../runs/run_files.ts";
import { RefusedError, requestJson } from "./request.ts";
import { parametersOf, scalarsOf, timeOf } from "./scalars.ts";
import type { MlflowSettings } from "./settings.ts";
import {
  type RunOutcome,
  type TrackedRun,
  type TrackedSample,
  type Tracker,
  TrackerRefusal,
} from "./tracker.ts";

/** The tag by which a run is found again. */
const UID_TAG = "llm-training.uid";

/** Most entries of a kind that one request may have. */
const MAX_METRICS = 1000;
const MAX_PARAMETERS = 100;

/** Longest value of a parameter that every version of the server takes. */
const MAX_VALUE = 500;

const MAX_TAG = 5000;

/** A table that the server shows. */
const SAMPLES_FILE = "samples.json";

const STATUS: Readonly<Record<RunOutcome, string>> = {
  finished: "FINISHED",
  interrupted: "KILLED",
  failed: "FAILED",
};

interface Entry {
  readonly key: string;
  readonly value: string;
}

interface StoredRun {
  readonly info: { readonly run_id: string; readonly artifact_uri?: string };
  readonly data?: {
    readonly metrics?: readonly { readonly key: string; readonly step?: number | string }[];
    readonly params?: readonly Entry[];
  };
}

/** Creates the tracker. */
export function createMlflowTracker(settings: MlflowSettings, run: TrackedRun): Tracker {
  let stored: StoredRun | undefined;

  const call = (path: string, { signal, ...options }: {
    readonly method?: "GET" | "POST" | "PUT";
    readonly body?: unknown;
    readonly signal: AbortSignal;
  }): Promise<JsonObject> =>
    requestJson(`${settings.url}/api/2.0/${path}`, {
      ...options,
      authorization: settings.authorization,
      signal,
    });

  const findExperiment = async (signal: AbortSignal): Promise<string> => {
    const name = settings.project;
    const query = new URLSearchParams({ experiment_name: name });
    try {
      const answer = await call(`mlflow/experiments/get-by-name?${query}`, {
        method: "GET",
        signal,
      });
      const experiment = answer.experiment as JsonObject;
      if (experiment.lifecycle_stage === "deleted") {
        throw new TrackerRefusal(
          `experiment "${name}" on ${settings.url} is deleted: restore it, or name another by --tracker-project`,
        );
      }
      return String(experiment.experiment_id);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      if (error.answer.error_code !== "RESOURCE_DOES_NOT_EXIST") throw error;
    }
    try {
      const { experiment_id } = await call("mlflow/experiments/create", { body: { name }, signal });
      return String(experiment_id);
    } catch (error) {
      const taken = error instanceof RefusedError &&
        error.answer.error_code === "RESOURCE_ALREADY_EXISTS";
      if (!taken) throw error;
      return await findExperiment(signal); // another process made it meanwhile
    }
  };

  const findRun = async (experiment: string, signal: AbortSignal): Promise<StoredRun> => {
    const { runs } = await call("mlflow/runs/search", {
      body: {
        experiment_ids: [experiment],
        filter: `tags.\`${UID_TAG}\` = '${run.info.uid}'`,
        max_results: 1,
      },
      signal,
    });
    const [found] = (runs ?? []) as StoredRun[];
    if (found !== undefined) {
      await call("mlflow/runs/update", {
        body: { run_id: found.info.run_id, status: "RUNNING" },
        signal,
      });
      return found;
    }
    const { run: made } = await call("mlflow/runs/create", {
      body: {
        experiment_id: experiment,
        run_name: settings.runName ?? run.info.id,
        start_time: Date.parse(run.info.created),
        tags: [
          { key: UID_TAG, value: run.info.uid },
          { key: "mlflow.source.name", value: "llm-training" },
          { key: "mlflow.source.type", value: "LOCAL" },
        ],
      },
      signal,
    });
    return made as StoredRun;
  };

  const logBatch = async (
    batch: { readonly metrics?: unknown; readonly params?: unknown; readonly tags?: unknown },
    signal: AbortSignal,
  ) => {
    await call("mlflow/runs/log-batch", {
      body: { run_id: stored!.info.run_id, ...batch },
      signal,
    });
  };

  /** A parameter cannot change on the server: another value, of a resumed run, becomes a tag. */
  const logParameters = async (signal: AbortSignal) => {
    const before = new Map(stored!.data?.params?.map(({ key, value }) => [key, value]));
    const now = [...parametersOf(run)].map(([key, value]): Entry => ({
      key: key.replaceAll(/[^\w\-. /]/g, "_"),
      value: cut(String(value), MAX_VALUE),
    }));
    const params = now.filter(({ key }) => !before.has(key));
    const tags = now.filter(({ key, value }) => before.has(key) && before.get(key) !== value)
      .map(({ key, value }) => ({ key: `resumed.${key}`, value }));
    for (const some of chunks(params, MAX_PARAMETERS)) await logBatch({ params: some }, signal);
    for (const some of chunks(tags, MAX_PARAMETERS)) await logBatch({ tags: some }, signal);
  };

  return {
    async open(signal) {
      stored = await findRun(await findExperiment(signal), signal);
      await logParameters(signal);
      const loss = stored.data?.metrics?.find(({ key }) => key === "loss");
      return { step: Number(loss?.step ?? 0), samples: 0 };
    },
    async log(metrics, signal) {
      for (const some of chunks(metrics.flatMap(metricsOf), MAX_METRICS)) {
        await logBatch({ metrics: some }, signal);
      }
    },
    async sample(_, { all, signal }) {
      const path = artifactPath(stored!.info.artifact_uri);
      if (path === undefined) { // the server does not take files
        const last = all.at(-1)!;
        const value = cut(`step ${last.step}: ${last.prompt} → ${last.text}`, MAX_TAG);
        return await logBatch({ tags: [{ key: "sample", value }] }, signal);
      }
      await call(`mlflow-artifacts/artifacts/${path}/${SAMPLES_FILE}`, {
        method: "PUT",
        body: tableOf(all),
        signal,
      });
      const value = JSON.stringify([{ path: SAMPLES_FILE, type: "table" }]);
      await logBatch({ tags: [{ key: "mlflow.loggedArtifacts", value }] }, signal);
    },
    async finish(outcome, signal) {
      await call("mlflow/runs/update", {
        body: { run_id: stored!.info.run_id, status: STATUS[outcome], end_time: Date.now() },
        signal,
      });
    },
  };
}

/** The loss is last: where it is, the rest of its step is too. */
function metricsOf(row: LoggedMetrics): JsonObject[] {
  const timestamp = Math.round(timeOf(row, Date.now()));
  return scalarsOf(row)
    .toSorted(([a], [b]) => Number(a === "loss") - Number(b === "loss"))
    .map(([key, value]) => ({ key, value, timestamp, step: row.step }));
}

function tableOf(samples: readonly TrackedSample[]): JsonObject {
  return {
    columns: ["step", "prompt", "text"],
    data: samples.map(({ step, prompt, text }) => [step, prompt, text]),
  };
}

/** Returns where the server itself keeps a run's files; `undefined` if it does not. */
function artifactPath(uri = ""): string | undefined {
  return /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.+)$/.exec(uri)?.[1];
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[], void> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}
