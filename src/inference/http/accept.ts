/**
 * Handing requests to the models that answer them. Of an alias with a canary a share goes to that, and what it cannot
 * answer to the alias's model after all.
 *
 * @module
 */

import { createAsyncQueue } from "../../utils/async_queue.ts";
import type { Trial } from "../hosting/canary.ts";
import type { Resolution } from "../hosting/directory.ts";
import type { Completion, CompletionEvent, CompletionRequest, ModelInfo } from "../service.ts";
import type { AnswerEntry } from "./answer_metrics.ts";
import { ApiError, faultOf, toApiError } from "./api_error.ts";
import { requireModel, type RouteContext } from "./context.ts";

/** An accepted request and the switch that calls it off. */
export interface Accepted {
  /** What is generated. */
  readonly completion: Completion;
  /** The model that answers. */
  readonly model: ModelInfo;
  /** What answers say that they come from: the model, or its adapter. */
  readonly name: string;
  /** Calls it off. */
  readonly cancel: () => void;
}

/** Options of {@linkcode accept}. */
export interface AcceptOptions {
  /** The field that names the prompt in errors. */
  readonly promptField: string;
  /** The model that was asked for. */
  readonly model: string;
  /** Whether the client is sent pieces before all of it is there. */
  readonly isStreamed: boolean;
  /** Fires when the client leaves. */
  readonly signal: AbortSignal;
}

/** Makes the request for the model that is to answer it. */
export type RequestMaker = (model: ModelInfo) => CompletionRequest;

/**
 * Hands a request to the model that was asked for.
 *
 * @throws {ApiError} If there is no such model, or the request cannot be accepted.
 */
export async function accept(
  context: RouteContext,
  request: RequestMaker,
  options: AcceptOptions,
): Promise<Accepted> {
  const { trial: next, ...target } = requireModel(context.models, options.model);
  const attempt = (to: Resolution) => tryModel(context, request, { ...options, to });
  const trial = next?.();
  if (trial === undefined) return await attempt(target);
  if (trial.side === "canary") {
    return await tryCanary(trial, { attempt, target, options, onError: context.onError });
  }
  const startMs = performance.now();
  try {
    const accepted = await attempt(target);
    void follow(accepted, { trial, options, startMs });
    return accepted;
  } catch (error) {
    if (!options.signal.aborted && !isRefusal(error)) {
      trial.observe({ side: "baseline", isError: true });
    }
    throw error;
  }
}

interface CanaryOptions {
  readonly attempt: (to: Resolution) => Promise<Attempt>;
  readonly target: Resolution;
  readonly options: AcceptOptions;
  /** Is told why the canary failed, which the client does not hear of. */
  readonly onError: (error: unknown) => void;
}

/** Lets the canary answer; the model does if that fails before anything was sent. */
async function tryCanary(
  trial: Trial,
  { attempt, target, options, onError }: CanaryOptions,
): Promise<Accepted> {
  const startMs = performance.now();
  let accepted: Attempt;
  try {
    accepted = await attempt({ model: trial.model });
  } catch (canaryError) {
    if (options.signal.aborted) throw canaryError;
    if (isFault(canaryError)) onError(faultOf(canaryError));
    const fail = () => trial.observe({ side: "canary", isError: true });
    try {
      const instead = await attempt(target);
      fail();
      return instead;
    } catch (error) {
      // what both refuse is the request's fault
      if (!options.signal.aborted && !(isRefusal(canaryError) && isRefusal(error))) fail();
      throw error;
    }
  }
  void follow(accepted, { trial, options, startMs });
  try {
    await readyToSend(accepted, options);
    return accepted;
  } catch (error) {
    if (options.signal.aborted) throw error;
    if (isFault(error)) onError(error);
    return await attempt(target);
  }
}

interface FollowOptions {
  readonly trial: Trial;
  readonly options: AcceptOptions;
  readonly startMs: number;
}

/** Takes note of how long an answer took, or that it broke off; of one that the client left, nothing is. */
async function follow(
  accepted: Attempt,
  { trial, options, startMs }: FollowOptions,
): Promise<void> {
  const { side } = trial;
  try {
    await readyToSend(accepted, options);
    const latencyMs = performance.now() - startMs;
    await accepted.ended;
    trial.observe({ side, isError: false, latencyMs });
  } catch {
    if (!accepted.signal.aborted) trial.observe({ side, isError: true });
  }
}

/** Resolves when the client can be sent something. */
function readyToSend({ begun, ended }: Attempt, { isStreamed }: AcceptOptions): Promise<void> {
  return isStreamed ? begun : ended;
}

/** A request that a model has accepted. */
interface Attempt extends Accepted {
  /** Resolves when the first piece is there. */
  readonly begun: Promise<void>;
  /** Resolves when everything is there, however slowly the client reads. */
  readonly ended: Promise<void>;
  /** Fires when it is called off. */
  readonly signal: AbortSignal;
}

async function tryModel(
  { models, onAnswer }: RouteContext,
  request: RequestMaker,
  options: AcceptOptions & { readonly to: Resolution },
): Promise<Attempt> {
  const { to: { model: name, adapter } } = options;
  const startMs = performance.now();
  const elapsedMs = () => performance.now() - startMs;
  const controller = new AbortController();
  const signal = AbortSignal.any([options.signal, controller.signal]);
  const cancel = () => controller.abort();
  using held = new DisposableStack();
  try {
    const { service } = held.use(await models.use(name));
    const completion = await service.submit(
      { ...request(service.model), ...(adapter === undefined ? {} : { adapter }) },
      { signal },
    );
    const read = readAhead(completion.events, { lease: held.move(), onAbandon: cancel });
    const { prompts } = completion;
    void tell(read, { signal, elapsedMs, told: (how) => onAnswer({ model: name, ...how }) });
    return {
      completion: { prompts, events: read.events },
      model: service.model,
      name: adapter ?? service.model.id,
      cancel,
      signal,
      begun: read.begun,
      ended: read.ended,
    };
  } catch (error) {
    const durationMs = elapsedMs();
    if (signal.aborted) {
      onAnswer({ model: name, outcome: "left", durationMs });
      throw error;
    }
    const refusal = toApiError(error, options);
    onAnswer({ model: name, outcome: isRefusal(refusal) ? "refused" : "failed", durationMs });
    throw refusal;
  }
}

interface TellOptions {
  readonly signal: AbortSignal;
  readonly elapsedMs: () => number;
  readonly told: (how: Omit<AnswerEntry, "model">) => void;
}

/** Tells how an answer ended. */
async function tell(
  { begun, ended }: Pick<Attempt, "begun" | "ended">,
  { signal, elapsedMs, told }: TellOptions,
): Promise<void> {
  let first: { readonly firstMs?: number } = {};
  try {
    await begun;
    first = { firstMs: elapsedMs() };
    await ended;
    told({ outcome: "answered", ...first, durationMs: elapsedMs() });
  } catch {
    told({ outcome: signal.aborted ? "left" : "failed", ...first, durationMs: elapsedMs() });
  }
}

/** Takes events as they come, so that a client that reads slowly holds no model. */
function readAhead(
  source: AsyncIterable<CompletionEvent>,
  { lease, onAbandon }: { readonly lease: Disposable; readonly onAbandon: () => void },
): Pick<Attempt, "begun" | "ended"> & { readonly events: AsyncIterable<CompletionEvent> } {
  const events = createAsyncQueue<CompletionEvent>({ onAbandon });
  const begun = Promise.withResolvers<void>();
  const read = async () => {
    using _ = lease;
    try {
      for await (const event of source) {
        events.push(event);
        begun.resolve();
      }
      events.end();
      begun.resolve();
    } catch (error) {
      events.fail(error);
      begun.reject(error);
      throw error;
    }
  };
  const ended = read();
  for (const promise of [begun.promise, ended]) promise.catch(() => {}); // `events` tell it too
  return { events, begun: begun.promise, ended };
}

/** Whether an error is not the request's, nor one of a model that is about to come back. */
function isFault(error: unknown): boolean {
  return toApiError(error).status === 500;
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.status < 500;
}
