/**
 * The models that a server has and the aliases that point at them: loaded, exchanged and taken away while requests run.
 *
 * Each model has a worker of its own: a process under `serve`, a thread elsewhere. A crash, or memory that runs out, then
 * costs the requests of one model, and the memory of a model that is taken away is given back whole, which WebAssembly
 * memory never is while its thread lives. The price is the program's and the library's own memory for each model.
 *
 * @module
 */

import { removeIfThere } from "../../utils/atomic_file.ts";
import { messageOf, UserError } from "../../utils/errors.ts";
import { createMutex } from "../../utils/mutex.ts";
import { InferenceError } from "../inference_error.ts";
import {
  createModelPool,
  type ModelLease,
  type ModelPool,
  type PooledModel,
} from "../model_pool.ts";
import type { LoadRequest } from "../worker_protocol.ts";
import { Aliases } from "./aliases.ts";
import type { AliasChange, LiveAlias } from "./alias.ts";
import type { CountedModel, ListedName, ModelDirectory, Resolution } from "./directory.ts";
import { HostError, loadError, noModel } from "./host_error.ts";
import type { HostedModel, ModelHostOptions, RemoveOptions } from "./host_options.ts";
import { type HostState, type HostStore, memoryStore, type ModelRecord } from "./host_state.ts";
import { Pulls } from "./pulls.ts";
import {
  checkName,
  hashMismatch,
  loadOf,
  type ModelSpec,
  ownFolders,
  placedSpec,
  recordOf,
} from "./model_spec.ts";

/** The alias that stands for requests that name no model, where it is there. */
export const DEFAULT_ALIAS = "champion";

/** Creates a host, with the models that it is given and those that it remembers. */
export async function createModelHost(options: ModelHostOptions): Promise<ModelHost> {
  const { store = memoryStore() } = options;
  const host = new ModelHost(options, await store.read());
  try {
    await host.loadFirst();
    return host;
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

/** The models of a server. */
export class ModelHost implements ModelDirectory, AsyncDisposable {
  readonly #options: ModelHostOptions;
  readonly #store: HostStore;
  readonly #pool: ModelPool;
  readonly #aliases: Aliases;
  /** Models that the server was told to load, by name. */
  readonly #told = new Map<string, ModelRecord>();
  readonly #mutex = createMutex();
  /** What it fetches. */
  readonly pulls: Pulls;

  /** Use {@linkcode createModelHost}. */
  constructor(options: ModelHostOptions, remembered: HostState) {
    const { models = [], open, estimateBytes, maxBytes, onError = () => {} } = options;
    this.#options = options;
    this.pulls = new Pulls({ root: options.modelRoot, ...options.pulls });
    this.#store = options.store ?? memoryStore();
    this.#aliases = new Aliases(remembered, {
      onStop: (message) => {
        onError(message);
        this.#keep().catch(onError);
      },
    });
    const isPinned = (name: string) => this.#isPinned(name);
    this.#pool = createModelPool({ open, estimateBytes, maxBytes, isPinned, onError });
    for (const load of models) {
      if (this.#aliases.get(load.id!) !== undefined) {
        onError(`the model "${load.id}" is hidden by the alias of this name that was made before`);
      }
      this.#pool.add(load.id!, load);
    }
    for (const record of remembered.models) {
      if (this.#pool.names.includes(record.name)) {
        onError(`the model "${record.name}" that was loaded before is hidden by one of this name`);
        continue;
      }
      this.#told.set(record.name, record);
      this.#pool.add(record.name, loadOf(record, options.defaults));
    }
  }

  /** Loads what is pinned, and of the rest what there is room for. */
  async loadFirst(): Promise<void> {
    const { models = [], maxBytes, estimateBytes, onError = () => {} } = this.#options;
    const given = models.map(({ id }) => id!);
    const pinned = this.#pool.names.filter((name) => this.#isPinned(name));
    for (const name of new Set([...pinned, ...given])) {
      try {
        if (!pinned.includes(name)) {
          const bytes = await estimateBytes(this.#pool.describe(name)!.load);
          if (bytes <= maxBytes && this.#loadedBytes() + bytes > maxBytes) continue;
        }
        (await this.#pool.use(name))[Symbol.dispose]();
      } catch (error) {
        if (given.includes(name)) throw error;
        onError(`Cannot load model "${name}", which was served before: ${messageOf(error)}`);
      }
    }
  }

  get defaultName(): string | undefined {
    const { defaultName, models = [] } = this.#options;
    if (defaultName !== undefined) return defaultName;
    if (this.#aliases.get(DEFAULT_ALIAS) !== undefined) return DEFAULT_ALIAS;
    const { names } = this.#pool;
    const given = models.map(({ id }) => id!).find((id) => names.includes(id));
    return given ?? this.#aliases.all()[0]?.record.alias ?? names[0];
  }

  listed(): readonly ListedName[] {
    const models = this.#pool.names.map((name) => ({
      id: name,
      model: name,
      info: this.#pool.describe(name)!.info,
    }));
    const adapters = models.flatMap(({ model, info }) =>
      this.#adaptersOf(model).map((id) => ({ id, model, info }))
    );
    const aliases = this.#aliases.all().map(({ record: { alias, model } }) => ({
      id: alias,
      model,
      info: this.#pool.describe(model)?.info,
    }));
    return [...models, ...adapters, ...aliases];
  }

  counted(): readonly CountedModel[] {
    return this.models();
  }

  resolve(name: string): Resolution | undefined {
    const alias = this.#aliases.get(name);
    if (alias !== undefined) {
      const { record: { model }, canary } = alias;
      return canary?.isRunning ? { model, trial: () => canary.next() } : { model };
    }
    if (this.#pool.names.includes(name)) return { model: name };
    const base = this.#pool.names.find((each) => this.#adaptersOf(each).includes(name));
    return base === undefined ? undefined : { model: base, adapter: name };
  }

  async use(model: string): Promise<ModelLease> {
    if (this.#pool.describe(model) === undefined) {
      throw new InferenceError("unavailable", `Cannot answer: model "${model}" is not there`);
    }
    try {
      return await this.#pool.use(model);
    } catch (error) {
      if (!(error instanceof UserError || error instanceof HostError)) throw error;
      throw new InferenceError("unavailable", `Cannot answer: ${error.message}`, { cause: error });
    }
  }

  /** All models. */
  models(): readonly HostedModel[] {
    return this.#pool.names.map((name) => this.model(name));
  }

  /**
   * Returns a model.
   *
   * @throws {HostError} If there is none of this name.
   */
  model(name: string): HostedModel {
    const model = this.#pool.describe(name);
    if (model === undefined) throw noModel(name, { names: this.#pool.names });
    return { name, ...model, isPinned: this.#isPinned(name) };
  }

  /**
   * Loads a model beside those that are there, and returns it when it can answer; whether it is new.
   *
   * @throws {HostError} If it cannot be loaded, or another one has its name.
   */
  load(spec: ModelSpec): Promise<{ readonly model: HostedModel; readonly isNew: boolean }> {
    const { name } = spec;
    checkName(name, "name");
    return this.#mutex.run(`model ${name}`, async () => {
      const known = this.#pool.describe(name);
      const { modelRoot, defaults } = this.#options;
      const load = loadOf(await placedSpec(spec, modelRoot), defaults);
      const isNew = known === undefined;
      if (isNew) {
        this.#refuseTaken(name);
        this.#pool.add(name, load);
      } else {
        await this.#requireSame(load, known);
        this.#pool.forgive(name);
      }
      try {
        using lease = await this.#pool.use(name);
        if (isNew) await this.#remember(load, lease.service.model.contentHash);
      } catch (error) {
        if (isNew) await this.#pool.remove(name);
        throw loadError(error);
      }
      return { model: this.model(name), isNew };
    });
  }

  /**
   * Takes a model away, after its requests have been answered.
   *
   * @throws {HostError} If there is none of this name, or an alias points at it.
   */
  remove(name: string, { removesFiles = false }: RemoveOptions = {}): Promise<void> {
    return this.#mutex.run(`model ${name}`, async () => {
      const { load } = this.model(name);
      const unused = async () => {
        const others = this.models().filter((other) => other.name !== name);
        const root = this.#options.modelRoot;
        return await ownFolders(load, { others: others.map(({ load }) => load), root });
      };
      if (removesFiles) await unused(); // refuses what lies elsewhere
      const removed = Promise.withResolvers<void>();
      await this.#change(() => {
        const user = this.#aliases.userOf(name);
        if (user !== undefined) {
          throw new HostError(
            "model_in_use",
            `Cannot remove model "${name}": alias "${user}" points at it`,
          );
        }
        const told = this.#told.get(name);
        this.#told.delete(name);
        return () => told === undefined ? undefined : this.#told.set(name, told);
      }, () => void this.#pool.remove(name).then(removed.resolve, removed.reject));
      await removed.promise;
      for (const folder of removesFiles ? await unused() : []) await removeIfThere(folder);
    });
  }

  /** All aliases. */
  aliases(): readonly LiveAlias[] {
    return this.#aliases.all();
  }

  /**
   * Returns an alias.
   *
   * @throws {HostError} If there is none of this name.
   */
  alias(name: string): LiveAlias {
    return this.#aliases.require(name);
  }

  /**
   * Points an alias at a model that is loaded: from then on new requests go there, and those that run end where they are.
   *
   * @throws {HostError} If the model is not loaded, or somebody else has changed the alias.
   */
  async setAlias(name: string, change: AliasChange): Promise<LiveAlias> {
    checkName(name, "alias");
    this.#aliases.check(name, change);
    // held until the alias pins them
    using leases = new DisposableStack();
    leases.use(await this.#loaded(change.model, "model"));
    if (change.canary) leases.use(await this.#loaded(change.canary.model, "canary.model"));
    return await this.#change(() => {
      if (this.#aliases.get(name) === undefined) this.#refuseTaken(name);
      // while that was waited for they may have been removed
      for (const each of [change.model, change.canary?.model]) {
        if (each !== undefined) this.model(each);
      }
      return this.#aliases.set(name, change);
    }, () => this.alias(name));
  }

  /**
   * Removes an alias; the model that it points at stays.
   *
   * @throws {HostError} If there is none of this name, or somebody else has changed it.
   */
  async removeAlias(
    name: string,
    turn: Pick<AliasChange, "expectedRevision" | "epoch"> = {},
  ): Promise<void> {
    await this.#change(() => this.#aliases.remove(name, turn), () => {});
  }

  /** Frees all models. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.pulls[Symbol.dispose]();
    await this.#pool[Symbol.asyncDispose]();
  }

  async #loaded(name: string, param: string): Promise<ModelLease> {
    const state = this.#pool.describe(name)?.state;
    if (state === undefined) throw noModel(name, { names: this.#pool.names, param });
    if (state === "loaded") return await this.#pool.use(name);
    throw new HostError(
      "model_not_loaded",
      `Cannot point an alias at model "${name}": it is ${state}; load it before`,
      { param },
    );
  }

  async #requireSame(load: LoadRequest, known: PooledModel): Promise<void> {
    const { id, folder, contentHash } = load;
    const hash = await this.#options.hash(load);
    if (contentHash !== undefined && contentHash !== hash) throw hashMismatch(folder, hash);
    const has = known.load.contentHash ?? known.info?.contentHash ??
      await this.#options.hash(known.load);
    const isSame = has === hash && known.load.weights === load.weights &&
      known.load.limits.maxContext === load.limits.maxContext;
    if (isSame) return;
    throw new HostError(
      "model_exists",
      `Cannot load model "${id}": there is one of this name with other content (${has}); choose another name`,
      { param: "name" },
    );
  }

  async #remember(load: LoadRequest, hash: string | null): Promise<void> {
    await this.#change(() => {
      this.#told.set(load.id!, recordOf(load, hash));
      return () => this.#told.delete(load.id!);
    }, () => {});
  }

  /** Makes a change, which returns how it is undone, and keeps it, or undoes it. Nothing changes before `then` is done. */
  #change<T>(change: () => () => unknown, then: () => T): Promise<T> {
    return this.#mutex.run("state", async () => {
      const undo = change();
      try {
        await this.#write();
        return then();
      } catch (error) {
        undo();
        if (!(error instanceof UserError)) throw error;
        throw new HostError(
          "not_kept",
          `Cannot make the change, as it would not be kept: ${error.message}`,
          {
            cause: error,
          },
        );
      }
    });
  }

  #keep(): Promise<void> {
    return this.#mutex.run("state", () => this.#write());
  }

  #write(): Promise<void> {
    return this.#store.write({ models: [...this.#told.values()], ...this.#aliases.state });
  }

  #refuseTaken(name: string): void {
    if (this.resolve(name) === undefined) return;
    const what = this.#aliases.get(name) === undefined ? "a model or an adapter" : "an alias";
    throw new HostError("name_taken", `Cannot use the name "${name}": ${what} is called that`, {
      param: "name",
    });
  }

  #isPinned(name: string): boolean {
    if (this.#aliases.userOf(name) !== undefined) return true;
    const { defaultName } = this;
    return defaultName !== undefined && this.resolve(defaultName)?.model === name;
  }

  #loadedBytes(): number {
    return this.models().reduce(
      (sum, { service, bytes = 0 }) => service === undefined ? sum : sum + bytes,
      0,
    );
  }

  #adaptersOf(model: string): readonly string[] {
    return (this.#pool.describe(model)?.load.adapters ?? []).map(({ name }) => name);
  }
}
