/**
 * Shows a run on Weights & Biases, by the two interfaces that its own client uses: GraphQL makes the run, and a stream
 * of files carries history, summary and output, each line at its offset, so that sending one again changes nothing.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";
import type { LoggedMetrics } from "../runs/run_files.ts";
import { requestJson } from "./request.ts";
import { scalarsOf, timeOf } from "./scalars.ts";
import type { WandbSettings } from "./settings.ts";
import { type RunOutcome, type TrackedRun, type Tracker, TrackerRefusal } from "./tracker.ts";

const RESUME_STATUS = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    id
    name
    entity { id name }
    bucket(name: $name, missingOk: true) {
      id
      name
      summaryMetrics
      displayName
      logLineCount
      historyLineCount
      eventsLineCount
      historyTail
    }
  }
}`;

const UPSERT = `mutation UpsertBucket(
  $name: String, $project: String, $entity: String, $displayName: String, $config: JSONString, $host: String,
  $program: String
) {
  upsertBucket(input: {
    name: $name, modelName: $project, entityName: $entity, displayName: $displayName, config: $config, host: $host,
    jobProgram: $program
  }) {
    bucket { id name displayName project { id name entity { id name } } historyLineCount }
    inserted
  }
}`;

/** What a process that makes a run leaves when it ends. */
const EXIT_CODE: Readonly<Record<RunOutcome, number>> = {
  finished: 0,
  interrupted: 130,
  failed: 1,
};

/** Characters of a run's name there. */
const NAME_LENGTH = 16;

/** Creates the tracker. */
export function createWandbTracker(settings: WandbSettings, run: TrackedRun): Tracker {
  const name = run.info.uid.replaceAll("-", "").slice(0, NAME_LENGTH);
  const { authorization } = settings;
  const createdMs = Date.parse(run.info.created);
  let stream = "";
  let offsets = { history: 0, output: 0 };
  let summary: JsonObject = {};

  const graphql = async (
    operationName: string,
    { query, variables, signal }: {
      readonly query: string;
      readonly variables: JsonObject;
      readonly signal: AbortSignal;
    },
  ): Promise<JsonObject> => {
    const body = { query, variables, operationName };
    const { data, errors } = await requestJson(`${settings.url}/graphql`, {
      body,
      authorization,
      signal,
    });
    const [first] = Array.isArray(errors) ? errors as JsonObject[] : [];
    if (first !== undefined) throw new TrackerRefusal(`${settings.url}: ${first.message}`);
    return (data ?? {}) as JsonObject;
  };

  const send = async (body: JsonObject, signal: AbortSignal) => {
    await requestJson(stream, { body, authorization, signal });
  };

  const rowOf = (metrics: LoggedMetrics): JsonObject => {
    const timeMs = timeOf(metrics, Date.now());
    return {
      ...Object.fromEntries(scalarsOf(metrics)),
      _step: metrics.step,
      _timestamp: timeMs / 1000,
      _runtime: Math.max(0, timeMs - createdMs) / 1000,
    };
  };

  return {
    async open(signal) {
      const { project, entity, runName } = settings;
      const status = await graphql("RunResumeStatus", {
        query: RESUME_STATUS,
        variables: { project, entity, name },
        signal,
      });
      const before = (status.model as JsonObject | null)?.bucket as JsonObject | null | undefined;
      const answer = await graphql("UpsertBucket", {
        query: UPSERT,
        variables: {
          ...{ name, project, entity, displayName: runName ?? run.info.id },
          config: JSON.stringify(configOf(run)),
          host: run.info.host.os,
          program: "llm-training",
        },
        signal,
      });
      const bucket = (answer.upsertBucket as JsonObject).bucket as JsonObject;
      const place = bucket.project as { name: string; entity: { name: string } };
      const parts = [place.entity.name, place.name, name].map(encodeURIComponent);
      stream = `${settings.url}/files/${parts.join("/")}/file_stream`;
      offsets = {
        history: Number(before?.historyLineCount ?? 0),
        output: Number(before?.logLineCount ?? 0),
      };
      summary = parsed(before?.summaryMetrics);
      return { step: lastStepOf(before), samples: offsets.output };
    },
    async log(metrics, signal) {
      const rows = metrics.map(rowOf);
      const next = Object.assign({}, summary, ...rows) as JsonObject;
      await send({
        files: {
          "wandb-history.jsonl": { offset: offsets.history, content: rows.map(asLine) },
          "wandb-summary.json": { offset: 0, content: [asLine(next)] },
        },
      }, signal);
      summary = next;
      offsets = { ...offsets, history: offsets.history + rows.length };
    },
    async sample(samples, { signal }) {
      const content = samples.map(({ time, step, prompt, text }) =>
        `${time} step ${step} sample: ${JSON.stringify(`${prompt} → ${text}`)}`
      );
      await send({ files: { "output.log": { offset: offsets.output, content } } }, signal);
      offsets = { ...offsets, output: offsets.output + content.length };
    },
    async finish(outcome, signal) {
      await send({ complete: true, exitcode: EXIT_CODE[outcome] }, signal);
    },
  };
}

/** Settings as the server wants them: each key an object with its value. */
function configOf({ config, info }: TrackedRun): JsonObject {
  const { device, versions, host, model, data } = info;
  const all = { ...config, run: { device, versions, host, model, data } };
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [key, { value }]));
}

/** Returns the last step of the history that is there: of its tail, which comes before the summary does. */
function lastStepOf(bucket: JsonObject | null | undefined): number {
  const tail = parsedList(bucket?.historyTail).map(parsed);
  const steps = [...tail, parsed(bucket?.summaryMetrics)].map(({ _step }) => Number(_step ?? 0));
  return Math.max(0, ...steps.filter(Number.isFinite));
}

function parsed(json: unknown): JsonObject {
  if (typeof json === "object" && json !== null) return json as JsonObject;
  try {
    const value: unknown = JSON.parse(String(json ?? "{}"));
    return typeof value === "object" && value !== null ? value as JsonObject : {};
  } catch {
    return {};
  }
}

function parsedList(json: unknown): readonly unknown[] {
  if (Array.isArray(json)) return json;
  try {
    const value: unknown = JSON.parse(String(json ?? "[]"));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function asLine(value: JsonObject): string {
  return JSON.stringify(value);
}
