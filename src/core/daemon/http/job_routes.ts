/**
 * `/v1/fine_tuning/jobs`: jobs of the queue, as OpenAI's API has them.
 *
 * @module
 */

import type { Hono } from "hono";
import { ApiError } from "../../../inference/http/api_error.ts";
import { requireJson } from "../../../inference/http/guards.ts";
import { bodyLimit } from "hono/body-limit";
import type { Job } from "../../../management/job_queue/job.ts";
import type { JsonObject } from "../../../utils/json.ts";
import { datasetPath, noteLineage } from "../dataset_store.ts";
import { reasonOf } from "../intake.ts";
import { TRAIN_JOB, trainJob } from "../job_payload.ts";
import { VALIDATOR, verdictOn } from "../verdict.ts";
import type { ApiContext } from "./api_context.ts";
import { requireFile } from "./file_routes.ts";
import { checkpointObjects } from "./job_checkpoints.ts";
import { findJobModel } from "./job_model.ts";
import { eventObject, jobObject, requestOf } from "./job_object.ts";
import { type JobRequest, parseJobRequest } from "./job_request.ts";
import { pageOf, pageQuery } from "./pages.ts";

const JOBS = "/v1/fine_tuning/jobs";
const MAX_BODY_BYTES = 1 << 20;

/** When a client that found the queue full may try again. */
const FULL_RETRY_SECONDS = 60;

/** The longest that an answer waits for a running job to end. */
const PATIENCE_MS = 10_000;

/** Adds the routes to `app`. */
export function addJobRoutes(app: Hono, context: ApiContext): void {
  const { queue } = context;
  app.post(
    JOBS,
    requireJson(),
    bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge }),
    async (c) => {
      const request = parseJobRequest(await c.req.json().catch(() => ({})));
      await refuseWhenFull(context);
      return c.json(jobObject(await createJob(context, request), request));
    },
  );
  app.get(JOBS, async (c) => {
    const wanted = Object.entries(c.req.query()).flatMap(([key, value]) => {
      const name = /^metadata\[(.+)\]$/.exec(key)?.[1];
      return name === undefined ? [] : [[name, value] as const];
    });
    const jobs = (await queue.list({ kinds: [TRAIN_JOB], order: "newest" })).flatMap((job) => {
      const request = requestOf(job);
      return request !== undefined &&
          wanted.every(([key, value]) => request.metadata?.[key] === value)
        ? [jobObject(job, request)]
        : [];
    });
    return c.json(pageOf(jobs, pageQuery(c, { limit: 20, max: 100 })));
  });
  app.get(`${JOBS}/:id`, async (c) => {
    const { job, request } = await requireJob(context, c.req.param("id"));
    return c.json(jobObject(job, request));
  });
  for (const action of ["cancel", "pause", "resume"] as const) {
    app.post(`${JOBS}/:id/${action}`, async (c) => {
      const { job, request } = await requireJob(context, c.req.param("id"));
      await queue[action](job.id);
      context.wake();
      return c.json(
        jobObject(await settled(context, job.id, { isEnding: action !== "resume" }), request),
      );
    });
  }
  app.get(`${JOBS}/:id/events`, async (c) => {
    const { job } = await requireJob(context, c.req.param("id"));
    const { limit, after } = pageQuery(c, { limit: 20, max: 1000 });
    const before = after === undefined ? undefined : Number(/^ftevent-(\d+)$/.exec(after)?.[1]);
    if (Number.isNaN(before)) {
      throw new ApiError(404, `There is no event "${after}"`, {
        param: "after",
        code: "not_found",
      });
    }
    const found = await queue.events(job.id, {
      limit: limit + 1,
      ...(before === undefined ? {} : { before }),
    });
    return c.json(pageOf(found.map(eventObject), { limit, after: undefined }));
  });
  app.get(`${JOBS}/:id/checkpoints`, async (c) => {
    const { job } = await requireJob(context, c.req.param("id"));
    return c.json(
      pageOf(await checkpointObjects(context, job), pageQuery(c, { limit: 10, max: 1000 })),
    );
  });
}

async function createJob(context: ApiContext, request: JobRequest): Promise<Job> {
  const { queue, paths, settings, clock, readHome } = context;
  const file = requireFile(context, request.training_file, { param: "training_file" });
  const { sha256 } = file;
  const id = `ftjob-${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
  const run = await runSettings(context, request);
  const verdict = await verdictOn(
    { sha256, name: file.filename },
    { paths, settings: { ...await readHome(), ...run }, clock },
  );
  const name = ["ft", request.model.split(/[/@:]/).at(-1)!, request.suffix ?? "", id.slice(6, 14)];
  const { job } = await queue.add({
    ...trainJob({
      ...{ dataset_sha256: sha256, name: file.filename, source: "api", rows: verdict.rows },
      ...{ settings: run, policy: "base", publish: false },
      run: name.filter((part) => part !== "").join("-").replaceAll(/[^\w.-]+/g, "-"),
      request: { ...request },
    }),
    id,
    again: true,
    maxFailures: settings.maxFailures,
    ...(verdict.problem === null ? {} : { error: reasonOf(verdict.problem) }),
  });
  await noteLineage(paths.data, {
    sha256,
    received: {
      at: new Date(clock()).toISOString(),
      name: file.filename,
      source: "api",
      job_id: id,
      duplicate: false,
      generator: null,
      validator: { ...VALIDATOR },
      valid: verdict.problem === null,
    },
  });
  const note = (level: "info" | "error", message: string) =>
    queue.note(id, { level, message, data: null });
  await note("info", `Created fine-tuning job: ${id}`);
  if (job.error === null) await note("info", "Files validated, moving job to queued state");
  else await note("error", job.error);
  context.wake();
  return job;
}

/** Returns the settings of a run that a request asks for. */
async function runSettings(context: ApiContext, request: JobRequest): Promise<JsonObject> {
  const { hyperparameters: { n_epochs, batch_size, learning_rate_multiplier }, seed } = request;
  const model = await findJobModel(context, request.model);
  const validation = request.validation_file === null
    ? undefined
    : requireFile(context, request.validation_file, { param: "validation_file" });
  return {
    ...model.settings,
    seed,
    ...(n_epochs === "auto" ? {} : { epochs: n_epochs, maxSteps: null }),
    ...(batch_size === "auto" ? {} : { batchSize: batch_size, gradientAccumulationSteps: 1 }),
    ...(learning_rate_multiplier === "auto"
      ? {}
      : { learningRate: model.learningRate * learning_rate_multiplier }),
    ...(validation === undefined ? {} : {
      evalDataset: datasetPath(context.paths.data, {
        sha256: validation.sha256,
        name: validation.filename,
      }),
      evalSplit: null,
    }),
  };
}

async function requireJob(
  { queue }: ApiContext,
  id: string,
): Promise<{ readonly job: Job; readonly request: JobRequest }> {
  const job = await queue.find(id);
  const request = job?.kind === TRAIN_JOB ? requestOf(job) : undefined;
  if (job !== undefined && request !== undefined) return { job, request };
  throw new ApiError(404, `There is no fine-tuning job "${id}"`, {
    param: "id",
    code: "not_found",
  });
}

/** Returns a job once it has done what was asked of it, or when that takes too long. */
async function settled(
  { queue, clock }: ApiContext,
  id: string,
  { isEnding }: { readonly isEnding: boolean },
): Promise<Job> {
  const until = clock() + PATIENCE_MS;
  for (;;) {
    const job = (await queue.find(id))!;
    if (!isEnding || job.state !== "running" || clock() > until) return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function tooLarge(): never {
  throw new ApiError(413, `The request's body is larger than ${MAX_BODY_BYTES} bytes`, {
    code: "request_too_large",
  });
}

async function refuseWhenFull({ queue, settings }: ApiContext): Promise<void> {
  const { queued } = await queue.counts();
  if (queued < settings.maxQueuedJobs) return;
  throw new ApiError(429, `${queued} jobs are waiting, as many as may; try again later`, {
    code: "queue_full",
    headers: { "retry-after": String(FULL_RETRY_SECONDS) },
  });
}
