/**
 * Deployments in SQLite. Who deploys has a term, a number that grows from one to the next: what was begun in an earlier
 * term can write nothing any more, here or, as the *epoch* of its requests, on hosts.
 *
 * @module
 */

import type { Clock } from "../../utils/clock.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { type Database, openDatabase, type SqlParameters } from "../../utils/sqlite.ts";
import {
  type Deployment,
  type DeploymentState,
  type DeploymentStep,
  type HostBefore,
  IS_OVER,
  type PlannedStep,
} from "./deployment.ts";
import { DEPLOYMENT_SCHEMA, deploymentOf } from "./store_schema.ts";

/** That deployments are frozen. */
export interface Freeze {
  /** Why; null if nobody said. */
  readonly reason: string | null;
  /** Since when, in milliseconds since 1970. */
  readonly sinceMs: number;
}

/** A deployment that is asked for. */
export interface NewDeployment
  extends Pick<Deployment, "kind" | "alias" | "model" | "source" | "hosts"> {
  /** Its steps. */
  readonly steps: readonly PlannedStep[];
}

/** Which deployments are listed. */
export interface ListDeploymentsOptions {
  /** The most. @default {100} */
  readonly limit?: number;
  /** Only in these states. @default {all} */
  readonly states?: readonly DeploymentState[];
}

/** Thrown where somebody else deploys by now. */
export class TermEndedError extends Error {
  /** Name of the class. */
  override readonly name = "TermEndedError";

  /** Creates the error. */
  constructor() {
    super("Another orchestrator of this home has taken over");
  }
}

/** Deployments that are over and that are remembered. */
const MAX_REMEMBERED = 1000;

/** Deployments, their steps, and who may change them. */
export class DeploymentStore implements Disposable {
  readonly #database: Database;
  readonly #now: () => number;

  /**
   * Opens the deployments in the database `path`.
   *
   * @throws {UserError} If it cannot be used.
   */
  constructor(path: string, { clock }: { readonly clock: Clock }) {
    this.#database = openDatabase(path, DEPLOYMENT_SCHEMA);
    this.#now = () => Math.round(clock());
  }

  /** Begins a term: a number above all of this home, the time, and `epoch`, which hosts have seen. */
  beginTerm({ epoch = 0 }: { readonly epoch?: number } = {}): number {
    return this.#database.transaction(() => {
      const term = Math.max(this.#term() + 1, this.#now(), epoch + 1);
      this.#setControl("term", term);
      return term;
    });
  }

  /** Adds a deployment. */
  create(deployment: NewDeployment, term: number): Deployment {
    const { kind, alias, model, source, hosts, steps } = deployment;
    const id = `deploy-${crypto.randomUUID().slice(0, 8)}`;
    this.#change(term, () => {
      this.#database.run(
        `INSERT INTO deployments (id, kind, state, alias, model, content_hash, source, hosts, created_at)
         VALUES (:id, :kind, 'running', :alias, :model, :hash, :source, :hosts, :at)`,
        {
          ...{ id, kind, alias, source, hash: model.contentHash, at: this.#now() },
          model: JSON.stringify(model),
          hosts: JSON.stringify(hosts),
        },
      );
      this.#addSteps(id, steps);
      this.#forgetOld();
    });
    return this.get(id);
  }

  /**
   * Returns a deployment.
   *
   * @throws {UserError} If there is none.
   */
  get(id: string): Deployment {
    const row = this.#database.first("SELECT * FROM deployments WHERE id = :id", { id });
    if (row !== undefined) return deploymentOf(this.#database, row);
    throw new UserError(
      `Cannot find deployment "${id}": there is none of that id; see "deploy history"`,
    );
  }

  /** Returns deployments, the newest first. */
  list({ limit = 100, states }: ListDeploymentsOptions = {}): readonly Deployment[] {
    const among = states === undefined
      ? ""
      : `WHERE state IN (${states.map((state) => `'${state}'`).join()})`;
    return this.#database.all(
      `SELECT * FROM deployments ${among} ORDER BY number DESC LIMIT :limit`,
      { limit },
    ).map((row) => deploymentOf(this.#database, row));
  }

  /** Returns the deployment that is not over; `undefined` if all are. */
  unfinished(): Deployment | undefined {
    const row = this.#database.first("SELECT * FROM deployments WHERE finished_at IS NULL");
    return row && deploymentOf(this.#database, row);
  }

  /** Returns the newest deployments of a content, the newest first. */
  ofContent(contentHash: string): readonly Deployment[] {
    return this.#database.all(
      "SELECT * FROM deployments WHERE content_hash = :contentHash ORDER BY number DESC LIMIT 20",
      { contentHash },
    ).map((row) => deploymentOf(this.#database, row));
  }

  /** Notes that a step begins, perhaps again. */
  beginStep(id: string, { position }: Pick<DeploymentStep, "position">, term: number): void {
    this.#change(term, () =>
      this.#database.run(
        `UPDATE deployment_steps SET state = 'running', attempts = attempts + 1,
           started_at = coalesce(started_at, :at) WHERE id = :id AND position = :position`,
        { id, position, at: this.#now() },
      ));
  }

  /** Notes what is being waited for, or how far it is. */
  noteStep(
    id: string,
    { position, error, detail }: {
      readonly position: number;
      readonly error?: string | null;
      readonly detail?: JsonObject;
    },
    term: number,
  ): void {
    this.#change(term, () =>
      this.#database.run(
        `UPDATE deployment_steps SET error = :error, detail = coalesce(:detail, detail)
         WHERE id = :id AND position = :position`,
        {
          ...{ id, position, error: error ?? null },
          detail: detail === undefined ? null : JSON.stringify(detail),
        },
      ));
  }

  /** Notes how a step ended. */
  endStep(
    id: string,
    { position, error, detail }: {
      readonly position: number;
      readonly error: string | null;
      readonly detail: JsonObject | null;
    },
    term: number,
  ): void {
    this.#change(term, () =>
      this.#database.run(
        `UPDATE deployment_steps SET state = :state, error = :error, finished_at = :at,
           detail = coalesce(:detail, detail) WHERE id = :id AND position = :position`,
        {
          ...{ id, position, error, at: this.#now() },
          state: error === null ? "done" : "failed",
          detail: detail === null ? null : JSON.stringify(detail),
        },
      ));
  }

  /** Notes what a host has before it is changed; what was noted first stays. */
  noteBefore(
    id: string,
    { host, model, revision }: HostBefore & { readonly host: string },
    term: number,
  ): HostBefore {
    this.#change(term, () =>
      this.#database.run(
        "INSERT OR IGNORE INTO deployment_hosts (id, host, model, revision) VALUES (:id, :host, :model, :revision)",
        { id, host, model, revision },
      ));
    return this.get(id).before[host]!;
  }

  /** Has a deployment go back by `steps`. */
  beginRollback(
    id: string,
    { error, steps }: { readonly error: string; readonly steps: readonly PlannedStep[] },
    term: number,
  ): void {
    this.#change(term, () => {
      this.#database.run(
        "UPDATE deployments SET state = 'rolling_back', error = :error WHERE id = :id",
        { id, error },
      );
      this.#addSteps(id, steps);
    });
  }

  /** Notes the end of a deployment. */
  end(
    id: string,
    { state, error = null }: { readonly state: DeploymentState; readonly error?: string | null },
    term: number,
  ): void {
    if (!IS_OVER[state]) throw new Error(`Internal: "${state}" is no end`);
    this.#change(term, () =>
      this.#database.run(
        `UPDATE deployments SET state = :state, error = coalesce(:error, error), finished_at = :at
         WHERE id = :id`,
        { id, state, error, at: this.#now() },
      ));
  }

  /** Returns whether deployments are frozen, and why. */
  freeze(): Freeze | undefined {
    const row = this.#database.first("SELECT value FROM deployment_control WHERE name = 'freeze'");
    return row && JSON.parse(String(row["value"]));
  }

  /** Freezes deployments, or lets them go on (`undefined`). */
  setFreeze(freeze: Pick<Freeze, "reason"> | undefined): void {
    this.#database.transaction(() => {
      if (freeze === undefined) {
        this.#database.run("DELETE FROM deployment_control WHERE name = 'freeze'");
      } else this.#setControl("freeze", { reason: freeze.reason, sinceMs: this.#now() });
    });
  }

  /** Asks whoever deploys to go back, or takes that back. */
  setCallOff(isWished: boolean): void {
    this.#database.transaction(() => {
      if (isWished) this.#setControl("call_off", true);
      else this.#database.run("DELETE FROM deployment_control WHERE name = 'call_off'");
    });
  }

  /** Whether somebody wants what is under way to go back. */
  isCalledOff(): boolean {
    const sql = "SELECT value FROM deployment_control WHERE name = 'call_off'";
    return this.#database.first(sql) !== undefined;
  }

  /** Closes the database. */
  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }

  #term(): number {
    const row = this.#database.first("SELECT value FROM deployment_control WHERE name = 'term'");
    return Number(row?.["value"] ?? 0);
  }

  #setControl(name: string, value: unknown): void {
    const parameters: SqlParameters = { name, value: JSON.stringify(value) };
    this.#database.run(
      `INSERT INTO deployment_control VALUES (:name, :value)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      parameters,
    );
  }

  #change<T>(term: number, work: () => T): T {
    return this.#database.transaction(() => {
      if (this.#term() !== term) throw new TermEndedError();
      return work();
    });
  }

  #addSteps(id: string, steps: readonly PlannedStep[]): void {
    const row = this.#database.first(
      "SELECT count(*) AS count FROM deployment_steps WHERE id = :id",
      { id },
    );
    const from = Number(row?.["count"] ?? 0);
    for (const [i, { name, host }] of steps.entries()) {
      this.#database.run(
        `INSERT INTO deployment_steps (id, position, name, host, state)
         VALUES (:id, :position, :name, :host, 'waiting')`,
        { id, position: from + i, name, host },
      );
    }
  }

  #forgetOld(): void {
    this.#database.run(
      `DELETE FROM deployments WHERE finished_at IS NOT NULL AND number <=
         (SELECT number FROM deployments ORDER BY number DESC LIMIT 1 OFFSET ${MAX_REMEMBERED})`,
    );
  }
}
