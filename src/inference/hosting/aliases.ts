/**
 * The aliases of a host, with the trials of their canaries.
 *
 * @module
 */

import {
  type AliasChange,
  type AliasRecord,
  changedAlias,
  checkTurn,
  type LiveAlias,
} from "./alias.ts";
import { Canary } from "./canary.ts";
import { HostError } from "./host_error.ts";
import type { HostState, RetiredAlias } from "./host_state.ts";

/** Options of {@linkcode Aliases}. */
export interface AliasesOptions {
  /** Is told of a canary that was stopped, and why. */
  readonly onStop: (message: string) => void;
}

/** The aliases of a host. */
export class Aliases {
  readonly #onStop: (message: string) => void;
  readonly #live = new Map<string, LiveAlias>();
  readonly #retired = new Map<string, RetiredAlias>();

  /** Begins with what is remembered; canaries that ran do so no more. */
  constructor({ aliases, retired }: HostState, { onStop }: AliasesOptions) {
    this.#onStop = onStop;
    for (const each of retired) this.#retired.set(each.alias, each);
    for (const record of aliases) {
      const canary = record.canary === null
        ? null
        : { ...record.canary, stopped: record.canary.stopped ?? "restarted" };
      this.#live.set(record.alias, this.#begun({ ...record, canary }));
    }
  }

  /** What is to be remembered. */
  get state(): Pick<HostState, "aliases" | "retired"> {
    return {
      aliases: this.all().map(({ record, canary }) => ({
        ...record,
        canary: record.canary === null
          ? null
          : { ...record.canary, stopped: canary?.state.reason ?? record.canary.stopped },
      })),
      retired: [...this.#retired.values()],
    };
  }

  /** All aliases. */
  all(): readonly LiveAlias[] {
    return [...this.#live.values()];
  }

  /** Returns an alias. */
  get(alias: string): LiveAlias | undefined {
    return this.#live.get(alias);
  }

  /**
   * Returns an alias.
   *
   * @throws {HostError} If there is none of this name.
   */
  require(alias: string): LiveAlias {
    const live = this.#live.get(alias);
    if (live !== undefined) return live;
    const names = [...this.#live.keys()].map((name) => `"${name}"`).join(", ") || "none";
    throw new HostError(
      "alias_not_found",
      `There is no alias "${alias}"; this server has ${names}`,
    );
  }

  /** Returns the alias that points at a model, or has it on trial. */
  userOf(model: string): string | undefined {
    return this.all().map(({ record }) => record).find((record) =>
      record.model === model || record.canary?.model === model
    )?.alias;
  }

  /**
   * Refuses a change of somebody who has not seen the last one.
   *
   * @throws {HostError} If it is refused.
   */
  check(alias: string, turn: Pick<AliasChange, "expectedRevision" | "epoch">): void {
    checkTurn(alias, turn, this.#live.get(alias)?.record ?? this.#ghost(alias));
  }

  /**
   * Changes an alias and returns what undoes that.
   *
   * @throws {HostError} If somebody else has changed it meanwhile.
   */
  set(alias: string, change: AliasChange): () => void {
    this.check(alias, change);
    const before = this.#live.get(alias);
    const ghost = this.#retired.get(alias);
    const record = changedAlias(alias, change, before?.record ?? ghost);
    this.#live.set(alias, this.#begun(record));
    this.#retired.delete(alias);
    return () => {
      if (before === undefined) this.#live.delete(alias);
      else this.#live.set(alias, before);
      if (ghost !== undefined) this.#retired.set(alias, ghost);
    };
  }

  /**
   * Removes an alias and returns what undoes that.
   *
   * @throws {HostError} If there is none of this name, or somebody else has changed it meanwhile.
   */
  remove(alias: string, turn: Pick<AliasChange, "expectedRevision" | "epoch">): () => void {
    const before = this.require(alias);
    this.check(alias, turn);
    const { revision, epoch } = before.record;
    this.#live.delete(alias);
    this.#retired.set(alias, { alias, revision, epoch: Math.max(epoch, turn.epoch ?? 0) });
    return () => {
      this.#retired.delete(alias);
      this.#live.set(alias, before);
    };
  }

  #begun(record: AliasRecord): LiveAlias {
    if (record.canary === null) return { record, canary: undefined };
    const { stopped, ...settings } = record.canary;
    const name = `canary "${settings.model}" of alias "${record.alias}"`;
    const canary = new Canary(settings, {
      onStop: (reason) => this.#onStop(`Stopped ${name}: ${reason}`),
    });
    if (stopped !== null) canary.stop(stopped);
    return { record, canary };
  }

  /** What is known of an alias that is not there: to who asks for its revision it has none. */
  #ghost(alias: string): { readonly revision: number; readonly epoch: number } | undefined {
    const retired = this.#retired.get(alias);
    return retired === undefined ? undefined : { revision: 0, epoch: retired.epoch };
  }
}
