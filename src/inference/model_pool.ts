/**
 * Several models by name, within a budget of memory: loaded when they are asked for, exchanged without losing a request,
 * and given up when others need the room, which are loaded first.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import { InferenceError } from "./inference_error.ts";
import type { InferenceService } from "./service.ts";
import type { LoadRequest } from "./worker_protocol.ts";

/** Options of {@linkcode createModelPool}. */
export interface ModelPoolOptions {
  /** Loads a model. */
  readonly open: (load: LoadRequest) => Promise<InferenceService>;
  /** Returns how many bytes a model will take. */
  readonly estimateBytes: (load: LoadRequest) => Promise<number>;
  /** The most bytes of all models together; while one takes another's place both are there. */
  readonly maxBytes: number;
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
  /**
   * Returns a model, and loads it if need be.
   *
   * @throws {UserError} If there is none of this name, or it cannot be loaded.
   * @throws {InferenceError} If it has no room beside the models in use.
   */
  use(name: string): Promise<ModelLease>;
  /**
   * Loads another model under a name. Whoever asks gets the old one until the new one is there, and may use it until the
   * lease is disposed of; if the new one cannot be loaded, the old one stays.
   *
   * @throws {UserError} If it cannot be loaded.
   */
  replace(name: string, load: LoadRequest): Promise<void>;
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
  /** Called when nobody uses it any more, once another one has its place. */
  onUnused: (() => void) | undefined;
}

/** A model that has a name. */
interface Entry {
  load: LoadRequest;
  loaded: Loaded | undefined;
  loading: Promise<Loaded> | undefined;
}

class Pool implements ModelPool {
  readonly #options: ModelPoolOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #retiring = new Map<Loaded, Promise<void>>();
  #time = 0;

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
    this.#entries.set(name, { load, loaded: undefined, loading: undefined });
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
    return {
      service: loaded.service,
      [Symbol.dispose]() {
        if (!held) return;
        held = false;
        if (--loaded.leases === 0) loaded.onUnused?.();
      },
    };
  }

  async replace(name: string, load: LoadRequest): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      throw new UserError(`Cannot replace model "${name}": there is none of this name`);
    }
    if (entry.loading !== undefined) await entry.loading.catch(() => {});
    const fresh = await this.#open(load);
    const old = entry.loaded;
    entry.load = load;
    entry.loaded = fresh;
    if (old !== undefined) this.#retire(old);
    await this.#giveUp({ besides: fresh });
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
    return entry.loading ??= this.#open(entry.load).then(async (loaded) => {
      entry.loaded = loaded;
      loaded.leases++; // not given up before it was used
      await this.#giveUp({ besides: loaded });
      loaded.leases--;
      return loaded;
    }).finally(() => entry.loading = undefined);
  }

  /** Opens a model beside those that are there; only if that cannot be are idle ones given up before. */
  async #open(load: LoadRequest): Promise<Loaded> {
    const { estimateBytes, maxBytes, open } = this.#options;
    const bytes = await estimateBytes(load);
    if (bytes > maxBytes) {
      throw new UserError(
        `Cannot load model "${load.folder}": it takes about ${
          megabytes(bytes)
        }, all models together may take ` +
          `${megabytes(maxBytes)}; allow more memory or choose smaller weights`,
      );
    }
    const busy = this.#all().filter(({ leases }) => leases > 0);
    const used = busy.reduce((sum, one) => sum + one.bytes, 0);
    if (used + bytes > maxBytes) {
      throw new InferenceError(
        "unavailable",
        `Cannot load model "${load.folder}" now: models in use take ${megabytes(used)} of ${
          megabytes(maxBytes)
        }; try again in a while`,
      );
    }
    return {
      service: await open(load),
      bytes,
      leases: 0,
      usedAt: ++this.#time,
      onUnused: undefined,
    };
  }

  /** Gives idle models up, that which was not used for longest first, until the rest is within the budget. */
  async #giveUp({ besides }: { readonly besides: Loaded }): Promise<void> {
    const total = () => this.#all().reduce((sum, { bytes }) => sum + bytes, 0);
    while (total() > this.#options.maxBytes) {
      const idle = [...this.#entries.values()]
        .filter(({ loaded }) => loaded !== undefined && loaded !== besides && loaded.leases === 0)
        .toSorted((a, b) => a.loaded!.usedAt - b.loaded!.usedAt);
      const [oldest] = idle;
      if (oldest === undefined) return;
      const { service } = oldest.loaded!;
      oldest.loaded = undefined;
      await service[Symbol.asyncDispose]();
    }
  }

  /** Ends a model when nobody uses it any more and it has answered what it accepted. */
  #retire(loaded: Loaded): void {
    const { service } = loaded;
    const unused = Promise.withResolvers<void>();
    loaded.onUnused = unused.resolve;
    if (loaded.leases === 0) unused.resolve();
    const retired = unused.promise.then(() => service.drain()).then(() =>
      service[Symbol.asyncDispose]()
    )
      .finally(() => this.#retiring.delete(loaded));
    this.#retiring.set(loaded, retired);
  }

  #all(): Loaded[] {
    return [...this.#entries.values()].flatMap(({ loaded }) => loaded ?? []);
  }
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
