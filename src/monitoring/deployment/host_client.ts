/**
 * A host as the orchestrator sees it: the API by which a `serve` with an admin key changes what it serves.
 *
 * @module
 */

import { messageOf } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { type AnswerCounts, readAnswerCounts } from "./answer_counts.ts";
import type { HostSettings } from "./host_settings.ts";
import { pause } from "./pause.ts";

/** A model as a host has it. */
export interface HostModel {
  /** Its name. */
  readonly name: string;
  /** Where it lies there. */
  readonly folder: string;
  /** Whether it can answer. */
  readonly state: "loaded" | "loading" | "unloaded" | "failed";
  /** Why it cannot. */
  readonly error: string | null;
  /** SHA-256 of its files. */
  readonly content_hash: string | null;
  /** The form in which its weights are held. */
  readonly weights: string;
  /** Where it runs. */
  readonly device: string | null;
}

/** How requests of one side of a canary went. */
export interface HostCounts {
  /** Requests. */
  readonly requests: number;
  /** Those that failed. */
  readonly errors: number;
  /** Their latency. */
  readonly latency_ms: { readonly median: number; readonly p95: number } | null;
}

/** A canary as a host has it. */
export interface HostCanary extends HostCounts {
  /** The model that is tried. */
  readonly model: string;
  /** Whether it gets requests. */
  readonly state: "running" | "stopped";
  /** Why it gets none. */
  readonly reason: string | null;
  /** What the alias's model did meanwhile. */
  readonly baseline: HostCounts;
}

/** An alias as a host has it. */
export interface HostAlias {
  /** The name that clients use. */
  readonly alias: string;
  /** The model that it points at. */
  readonly model: string;
  /** The model before. */
  readonly previous: string | null;
  /** How often it was changed. */
  readonly revision: number;
  /** The highest epoch of those who changed it. */
  readonly epoch?: number;
  /** The model that is tried. */
  readonly canary: HostCanary | null;
}

/** A file that a host is to fetch. */
export interface PulledFile {
  /** Its path in the folder. */
  readonly path: string;
  /** Where it is. */
  readonly url: string;
  /** SHA-256 of it. */
  readonly sha256: string;
  /** Its size. */
  readonly bytes: number;
}

/** Why a host did not do what was asked. */
export interface HostErrorOptions extends ErrorOptions {
  /** The HTTP status; null if there was no answer. */
  readonly status: number | null;
  /** The reason, for programs. */
  readonly code: string | null;
}

/** Thrown when a host did not do what was asked. */
export class HostRequestError extends Error {
  /** Name of the class. */
  override readonly name = "HostRequestError";
  /** The HTTP status; null if there was no answer. */
  readonly status: number | null;
  /** The reason, for programs. */
  readonly code: string | null;

  /** Creates the error. */
  constructor(message: string, { status, code, ...options }: HostErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }

  /** Whether it may go well later: the host is away, busy or starting. */
  get isTransient(): boolean {
    const { status } = this;
    if (status === null || BUSY.includes(status)) return true;
    return status >= 500 && status !== 507;
  }
}

/**
 * Statuses below 500 that say nothing for good: it took too long, it is busy, or an alias was changed meanwhile, which is
 * looked at again.
 */
const BUSY: readonly number[] = [408, 412, 429];

/** Before a request is made again that was answered with a fault; one that is not answered waits for the host. */
const PAUSES_MS = [100, 400];

/** What an alias is to be. */
export interface AliasWish {
  /** The model that it points at. */
  readonly model: string;
  /** What is tried, as the API takes it; null tries nothing. */
  readonly canary: JsonObject | null;
  /** The revision that it must have; 0 if it must not be there. */
  readonly expectedRevision: number;
  /** Who asks. */
  readonly epoch: number;
}

/** Options of {@linkcode HostClient}. */
export interface HostClientOptions {
  /** Its admin key. */
  readonly key: string;
  /** How long a request may take. */
  readonly requestTimeoutMs: number;
  /** How long fetching or loading a model may take. */
  readonly loadTimeoutMs: number;
  /** Ends requests. */
  readonly signal: AbortSignal;
}

interface HostRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly body?: unknown;
  readonly isLong?: boolean;
}

/** Speaks with a host. */
export class HostClient {
  /** The host. */
  readonly host: HostSettings;
  readonly #options: HostClientOptions;

  /** Creates a client; nothing is sent yet. */
  constructor(host: HostSettings, options: HostClientOptions) {
    this.host = host;
    this.#options = options;
  }

  /** Returns its models. */
  async models(): Promise<readonly HostModel[]> {
    return listOf<HostModel>(await this.#request("/admin/models", { method: "GET" }));
  }

  /** Returns a model; `undefined` if it has none of that name. */
  async model(name: string): Promise<HostModel | undefined> {
    return await this.#found(`/admin/models/${encodeURIComponent(name)}`) as HostModel | undefined;
  }

  /** Has it load a model, beside what runs. */
  async load(body: JsonObject): Promise<HostModel> {
    const request = { method: "POST", body, isLong: true } as const;
    return await this.#request("/admin/models", request) as HostModel;
  }

  /** Has it give a model up, with its files if `files`, except those that other models use; does nothing if it has none of that name. */
  async unload(name: string, { files }: { readonly files: boolean }): Promise<void> {
    const path = `/admin/models/${encodeURIComponent(name)}${files ? "?files=true" : ""}`;
    await this.#gone(path, true);
  }

  /** Has it fetch files into a folder. */
  async pull(folder: string, files: readonly PulledFile[]): Promise<void> {
    await this.#request("/admin/pulls", { method: "POST", body: { folder, files }, isLong: true });
  }

  /** Returns an alias; `undefined` if it has none of that name. */
  async alias(alias: string): Promise<HostAlias | undefined> {
    const all = listOf<HostAlias>(await this.#request("/admin/aliases", { method: "GET" }));
    return all.find((each) => each.alias === alias);
  }

  /** Returns all aliases. */
  async aliases(): Promise<readonly HostAlias[]> {
    return listOf<HostAlias>(await this.#request("/admin/aliases", { method: "GET" }));
  }

  /** Changes an alias, unless somebody else has done so meanwhile. */
  async setAlias(alias: string, wish: AliasWish): Promise<HostAlias> {
    const { model, canary, expectedRevision: expected_revision, epoch } = wish;
    return await this.#request(`/admin/aliases/${encodeURIComponent(alias)}`, {
      method: "PUT",
      body: { model, canary, expected_revision, epoch },
    }) as HostAlias;
  }

  /** Removes an alias, unless somebody has changed it in a later epoch; does nothing if there is none. */
  async removeAlias(alias: string, { epoch }: Pick<AliasWish, "epoch">): Promise<void> {
    await this.#gone(`/admin/aliases/${encodeURIComponent(alias)}?epoch=${epoch}`, false);
  }

  /** Has it load a model again that it knows, in the way that it was loaded before: whoever asks for it has it loaded. */
  async wake(name: string): Promise<void> {
    const body = { model: name, prompt: [[0]], max_tokens: 1 };
    await this.#request("/v1/completions", { method: "POST", body, isLong: true });
  }

  /** Asks a model or an alias, as clients do. */
  async complete(body: JsonObject): Promise<JsonObject> {
    const answer = await this.#request("/v1/completions", { method: "POST", body });
    return answer as JsonObject;
  }

  /** Returns how requests to a model went since its host was started; `undefined` if it does not tell. */
  async counts(model: string): Promise<AnswerCounts | undefined> {
    return readAnswerCounts(String(await this.#request("/metrics", { method: "GET" })), model);
  }

  async #found(path: string): Promise<unknown> {
    try {
      return await this.#request(path, { method: "GET" });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #gone(path: string, isLong: boolean): Promise<void> {
    try {
      await this.#request(path, { method: "DELETE", isLong });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  /** Makes a request, again after a fault that was answered: asking twice does nothing twice. */
  async #request(path: string, request: HostRequest): Promise<unknown> {
    for (const pauseMs of PAUSES_MS) {
      try {
        return await this.#once(path, request);
      } catch (error) {
        const isFault = error instanceof HostRequestError && error.isTransient &&
          (error.status ?? 0) >= 500;
        if (!isFault) throw error;
        await pause(pauseMs, this.#options.signal);
      }
    }
    return await this.#once(path, request);
  }

  async #once(path: string, { method, body, isLong = false }: HostRequest): Promise<unknown> {
    const { key, requestTimeoutMs, loadTimeoutMs, signal } = this.#options;
    const { name, url } = this.host;
    const timeout = AbortSignal.timeout(isLong ? loadTimeoutMs : requestTimeoutMs);
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "error", // the key goes nowhere else
        signal: AbortSignal.any([signal, timeout]),
      });
      const text = await response.text();
      if (response.ok) return isJson(response) ? JSON.parse(text) : text;
      throw refused(this.host, { status: response.status, text });
    } catch (error) {
      if (error instanceof HostRequestError) throw error;
      signal.throwIfAborted();
      const reason = timeout.aborted ? "it does not answer in time" : messageOf(error);
      throw new HostRequestError(`host "${name}" at ${url} cannot be reached: ${reason}`, {
        status: null,
        code: null,
        cause: error,
      });
    }
  }
}

function isJson({ headers }: Response): boolean {
  return headers.get("content-type")?.includes("json") ?? false;
}

function isMissing(error: unknown): boolean {
  return error instanceof HostRequestError && error.status === 404 && error.code !== "unknown_url";
}

function listOf<T>(json: unknown): readonly T[] {
  return (json as { readonly data: readonly T[] }).data;
}

/** What people can do about some answers. */
const ADVICE: Readonly<Record<number, string>> = {
  401: "; it needs a key of role admin, which llm-training keys create --role admin makes there",
  403: "; it needs a key of role admin, which llm-training keys create --role admin makes there",
};

function refused(
  { name }: HostSettings,
  { status, text }: { readonly status: number; readonly text: string },
): HostRequestError {
  let code: string | null = null;
  let message = text.slice(0, 200);
  try {
    const { error } = JSON.parse(text);
    message = String(error.message);
    code = typeof error.code === "string" ? error.code : null;
  } catch {
    // it is not the server that we know, or something is between
  }
  const words = message === "" ? "" : `: ${message}`;
  return new HostRequestError(`host "${name}" answered ${status}${words}${ADVICE[status] ?? ""}`, {
    status,
    code,
  });
}
