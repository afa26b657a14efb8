/**
 * Several models by name, within a budget of memory: loaded when they are asked for, taken away without losing a request,
 * and given up when others need the room, which are loaded first.
 *
 * @module
 */

import { OutOfMemoryError } from "../engine/runtime/session_error.ts";
import { messageOf, UserError } from "../utils/errors.ts";
import { formatBytes } from "../utils/format.ts";
import { InferenceError } from "./inference_error.ts";
import type { InferenceService, ModelInfo } from "./service.ts";
import type { LoadRequest } from "./worker_protocol.ts";

/** Options of {@linkcode createModelPool}. */
export interface ModelPoolOptions {
  /** Loads a model. */
  readonly open: (load: LoadRequest) => Promise<InferenceService>;
  /** Returns how many bytes a model will take. */
  readonly estimateBytes: (load: LoadRequest) => Promise<number>;
  /** The most bytes of all models together; while one takes another's place both are there. */
  readonly maxBytes: number;
  /** Whether a model is kept though nobody uses it. @default {none is} */
  readonly isPinned?: (name: string) => boolean;
  /** Is told of a model that could not be given up. @default {nobody} */
  readonly onError?: (error: unknown) => void;
  /** Reads the time, in milliseconds. @default {performance.now} */
  readonly clock?: () => number;
}

/** A model that could not be loaded is not tried again for so long, however many ask for it. */
const RETRY_MS = 5000;

/** Where a model is between the disk and its answers. */
export const MODEL_STATES = ["loaded", "loading", "unloaded", "failed"] as const;

/** Where a model is between the disk and its answers. */
export type ModelState = (typeof MODEL_STATES)[number];

/** What is known of a model of a pool. */
export interface PooledModel {
  /** Where it is. */
  readonly state: ModelState;
  /** Why it could not be loaded, or is being loaded again. */
  readonly error: string | undefined;
  /** How it is loaded. */
  readonly load: LoadRequest;
  /** About how many bytes it takes; unknown before it is loaded. */
  readonly bytes: number | undefined;
  /** Answers requests, while it is loaded; for its counts, not for requests. */
  readonly service: InferenceService | undefined;
  /** What it said of itself when it was last loaded. */
  readonly info: ModelInfo | undefined;
}

/** Thrown when a model has no room within the budget. */
export class NoRoomError extends InferenceError {
  /** Creates the error. */
  constructor(message: string) {
    super("unavailable", message);
  }
}

/** A model that is in use; disposing of it says that it is no longer. */
export interface ModelLease extends Disposable {
  /** Answers requests; it remains the pool's to dispose of. */
  readonly service: InferenceService;
}

/** Models by name. */
export interface ModelPool extends AsyncDisposable {
  /** Names of all models, loaded or not. */
  readonly names: readonly string[];
  /** Names of those that are loaded. */
  readonly loaded: readonly string[];
  /** Adds a model, which is loaded when it is asked for. */
  add(name: string, load: LoadRequest): void;
  /** Returns what is known of a model. */
  describe(name: string): PooledModel | undefined;
  /**
   * Returns a model, and loads it if need be.
   *
   * @throws {UserError} If there is none of this name, or it cannot be loaded.
   * @throws {InferenceError} If it has no room beside the models in use.
   */
  use(name: string): Promise<ModelLease>;
  /** Forgets that a model could not be loaded, so that it is tried at once when it is asked for. */
  forgive(name: string): void;
  /** Takes a model out; whoever uses it gets their answers first. */
  remove(name: string): Promise<void>;
}

/** Creates an empty pool. */
export function createModelPool(options: ModelPoolOptions): ModelPool {
  return new Pool(options);
}

/** A loaded model. */
interface Loaded {
  readonly service: InferenceService;
  readonly bytes: number;
  leases: number;
  usedAt: number;
  /** Called when nobody uses it any more, once it was taken out. */
  onUnused: (() => void) | undefined;
}

/** A model that has a name. */
interface Entry {
  load: LoadRequest;
  loaded: Loaded | undefined;
  loading: Promise<Loaded> | undefined;
  /** Why it could not be loaded when that was last tried. */
  failure: { readonly error: unknown; readonly atMs: number } | undefined;
  bytes: number | undefined;
  info: ModelInfo | undefined;
}

interface GiveUpOptions {
  /** A model that is kept. */
  readonly besides?: Loaded;
  /** How many bytes the rest may take. @default {the budget} */
  readonly keptBytes?: number;
}

class Pool implements ModelPool {
  readonly #options: ModelPoolOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #retiring = new Map<Loaded, Promise<void>>();
  #time = 0;
  /** Resolves when what is being loaded is there: one at a time, or two would find the same room. */
  #opening: Promise<unknown> = Promise.resolve();

  constructor(options: ModelPoolOptions) {
    this.#options = options;
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  get loaded(): readonly string[] {
    return [...this.#entries].filter(([, { loaded }]) => loaded !== undefined).map(([name]) =>
      name
    );
  }

  add(name: string, load: LoadRequest): void {
    if (this.#entries.has(name)) {
      throw new UserError(`Cannot add model "${name}": there is another of this name`);
    }
    this.#entries.set(name, {
      load,
      loaded: undefined,
      loading: undefined,
      failure: undefined,
      bytes: undefined,
      info: undefined,
    });
  }

  describe(name: string): PooledModel | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const { load, bytes, info, failure } = entry;
    const service = entry.loaded?.service;
    return { state: stateOf(entry), error: errorOf(entry, failure), load, bytes, info, service };
  }

  async use(name: string): Promise<ModelLease> {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      const names = this.names.map((each) => `"${each}"`).join(", ");
      throw new UserError(`Cannot use model "${name}": there is none of this name, but ${names}`);
    }
    const loaded = entry.loaded ?? await this.#load(entry);
    loaded.leases++;
    loaded.usedAt = ++this.#time;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      if (--loaded.leases > 0) return;
      loaded.onUnused?.();
      this.#giveUp().catch(this.#options.onError ?? (() => {}));
    };
    return { service: loaded.service, [Symbol.dispose]: release };
  }

  forgive(name: string): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined) entry.failure = undefined;
  }

  async remove(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    const loaded = entry.loaded ?? await entry.loading?.catch(() => undefined);
    entry.loaded = undefined;
    if (loaded !== undefined) await this.#retire(loaded);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const entry of this.#entries.values()) {
      const loaded = entry.loaded ?? await entry.loading?.catch(() => undefined);
      entry.loaded = undefined;
      await loaded?.service[Symbol.asyncDispose]();
    }
    for (const { onUnused } of this.#retiring.keys()) onUnused?.();
    await Promise.all(this.#retiring.values());
  }

  /** Loads a model once, however many wait for it. */
  #load(entry: Entry): Promise<Loaded> {
    const now = this.#options.clock ?? (() => performance.now());
    const { failure } = entry;
    if (failure !== undefined && now() - failure.atMs < RETRY_MS) {
      return Promise.reject(failure.error);
    }
    return entry.loading ??= this.#open(entry.load).then(async (loaded) => {
      this.#install(entry, loaded);
      loaded.leases++; // not given up before it was used
      await this.#giveUp({ besides: loaded });
      loaded.leases--;
      return loaded;
    }, (error) => {
      if (!(error instanceof NoRoomError)) entry.failure = { error, atMs: now() };
      throw error;
    }).finally(() => entry.loading = undefined);
  }

  #install(entry: Entry, loaded: Loaded): void {
    entry.loaded = loaded;
    entry.failure = undefined;
    entry.bytes = loaded.bytes;
    entry.info = loaded.service.model;
  }

  #open(load: LoadRequest): Promise<Loaded> {
    const opened = this.#opening.then(() => this.#openBeside(load));
    this.#opening = opened.catch(() => {});
    return opened;
  }

  /** Opens a model beside those that are there: what cannot be loaded costs none of them. */
  async #openBeside(load: LoadRequest): Promise<Loaded> {
    const { estimateBytes, maxBytes, open } = this.#options;
    const bytes = await estimateBytes(load);
    if (bytes > maxBytes) {
      throw new NoRoomError(
        `Cannot load model "${load.folder}": it takes about ${formatBytes(bytes)}, all models ` +
          `together may take ${formatBytes(maxBytes)}; allow more ` +
          "(--max-memory) or less for each (--cache-memory, --prefix-memory), or choose smaller --weights",
      );
    }
    const busy = [...this.#entries].flatMap(([name, { loaded }]) =>
      loaded === undefined || this.#isIdle(name, loaded) ? [] : [loaded]
    );
    const used = [...busy, ...this.#retiring.keys()].reduce((sum, one) => sum + one.bytes, 0);
    if (used + bytes > maxBytes) {
      throw new NoRoomError(
        `Cannot load model "${load.folder}" now: it takes about ${formatBytes(bytes)}, models in ` +
          `use take ${formatBytes(used)} of ${
            formatBytes(maxBytes)
          }; try again in a while, or allow ` +
          "more (--max-memory) or less for each (--cache-memory, --prefix-memory)",
      );
    }
    const service = await open(load).catch(async (error) => {
      // what is idle is in the way after all
      if (!(error instanceof OutOfMemoryError) || !await this.#giveUp({ keptBytes: 0 })) {
        throw error;
      }
      return await open(load);
    });
    return { service, bytes, leases: 0, usedAt: ++this.#time, onUnused: undefined };
  }

  /**
   * Gives idle models up, that which was not used for longest first, until the rest is within the budget, and returns
   * whether there were any.
   */
  async #giveUp(options: GiveUpOptions = {}): Promise<boolean> {
    const { besides, keptBytes = this.#options.maxBytes } = options;
    const total = () => this.#all().reduce((sum, { bytes }) => sum + bytes, 0);
    let hasAny = false;
    while (total() > keptBytes) {
      const idle = [...this.#entries]
        .filter(([name, { loaded }]) =>
          loaded !== undefined && loaded !== besides && this.#isIdle(name, loaded)
        )
        .map(([, entry]) => entry)
        .toSorted((a, b) => a.loaded!.usedAt - b.loaded!.usedAt);
      const [oldest] = idle;
      if (oldest === undefined) break;
      hasAny = true;
      const { service } = oldest.loaded!;
      oldest.loaded = undefined;
      await service[Symbol.asyncDispose]();
    }
    return hasAny;
  }

  /** Ends a model when nobody uses it any more and it has answered what it accepted. */
  #retire(loaded: Loaded): Promise<void> {
    const { service } = loaded;
    const unused = Promise.withResolvers<void>();
    loaded.onUnused = unused.resolve;
    if (loaded.leases === 0) unused.resolve();
    const retired = unused.promise.then(() => service.drain()).then(() =>
      service[Symbol.asyncDispose]()
    )
      .finally(() => this.#retiring.delete(loaded));
    this.#retiring.set(loaded, retired);
    return retired;
  }

  #isIdle(name: string, { leases }: Loaded): boolean {
    return leases === 0 && !(this.#options.isPinned?.(name) ?? false);
  }

  #all(): Loaded[] {
    return [...this.#entries.values()].flatMap(({ loaded }) => loaded ?? []);
  }
}

function stateOf({ loaded, loading, failure }: Entry): ModelState {
  if (loaded !== undefined) return loaded.service.isAvailable ? "loaded" : "loading";
  if (loading !== undefined) return "loading";
  return failure === undefined ? "unloaded" : "failed";
}

function errorOf({ loaded }: Entry, failure: Entry["failure"]): string | undefined {
  if (loaded === undefined) return failure === undefined ? undefined : messageOf(failure.error);
  return loaded.service.isAvailable ? undefined : "its worker has ended and is being started again";
}
