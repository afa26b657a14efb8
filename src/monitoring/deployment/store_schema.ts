/**
 * The tables of deployments in SQLite, and their rows as deployments.
 *
 * @module
 */

import type { Database, SqlRow, SqlSchema } from "../../utils/sqlite.ts";
import type {
  Deployment,
  DeploymentState,
  DeploymentStep,
  HostBefore,
  StepName,
  StepState,
} from "./deployment.ts";

/** The tables. `control` holds who may write, and whether deployments are frozen. */
export const DEPLOYMENT_SCHEMA: SqlSchema = {
  component: "deployments",
  versions: [`
CREATE TABLE deployments (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('deploy', 'rollback')),
  state TEXT NOT NULL CHECK (state IN ('running', 'rolling_back', 'done', 'refused', 'rolled_back')),
  alias TEXT NOT NULL,
  model TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  source TEXT NOT NULL,
  hosts TEXT NOT NULL,
  error TEXT,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  CHECK ((state IN ('done', 'refused', 'rolled_back')) = (finished_at IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX one_deployment_at_a_time ON deployments ((1)) WHERE finished_at IS NULL;
CREATE TABLE deployment_steps (
  id TEXT NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  host TEXT,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  started_at INTEGER,
  finished_at INTEGER,
  detail TEXT,
  error TEXT,
  PRIMARY KEY (id, position)
) STRICT;
CREATE TABLE deployment_hosts (
  id TEXT NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
  host TEXT NOT NULL,
  model TEXT,
  revision INTEGER NOT NULL,
  PRIMARY KEY (id, host)
) STRICT;
CREATE TABLE deployment_control (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
`],
};

/** Turns a row of `deployments` into a deployment. */
export function deploymentOf(database: Database, row: SqlRow): Deployment {
  const id = String(row["id"]);
  const steps = database.all(
    "SELECT * FROM deployment_steps WHERE id = :id ORDER BY position",
    { id },
  );
  const before = database.all("SELECT * FROM deployment_hosts WHERE id = :id", { id });
  return {
    id,
    kind: row["kind"] as Deployment["kind"],
    state: row["state"] as DeploymentState,
    alias: String(row["alias"]),
    model: JSON.parse(String(row["model"])),
    source: String(row["source"]),
    hosts: JSON.parse(String(row["hosts"])),
    before: Object.fromEntries(before.map((each) => [String(each["host"]), beforeOf(each)])),
    steps: steps.map(stepOf),
    error: textOf(row["error"]),
    createdAtMs: Number(row["created_at"]),
    finishedAtMs: numberOf(row["finished_at"]),
  };
}

function beforeOf(row: SqlRow): HostBefore {
  return { model: textOf(row["model"]), revision: Number(row["revision"]) };
}

function stepOf(row: SqlRow): DeploymentStep {
  return {
    position: Number(row["position"]),
    name: row["name"] as StepName,
    host: textOf(row["host"]),
    state: row["state"] as StepState,
    attempts: Number(row["attempts"]),
    startedAtMs: numberOf(row["started_at"]),
    finishedAtMs: numberOf(row["finished_at"]),
    detail: row["detail"] === null ? null : JSON.parse(String(row["detail"])),
    error: textOf(row["error"]),
  };
}

function numberOf(value: unknown): number | null {
  return value === null ? null : Number(value);
}

function textOf(value: unknown): string | null {
  return value === null ? null : String(value);
}
