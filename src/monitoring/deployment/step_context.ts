/**
 * What the steps of a deployment share.
 *
 * @module
 */

import type { DeviceWish } from "../../engine/runtime/devices.ts";
import type { Clock } from "../../utils/clock.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { Deployment, DeploymentStep, HostBefore } from "./deployment.ts";
import type { ReferenceModel } from "./gate.ts";
import type { HostClient } from "./host_client.ts";
import type { DeploymentSettings } from "./settings.ts";
import type { Freeze } from "./store.ts";

/** What the orchestrator works with. */
export interface DeploymentContext {
  /** The home folder. */
  readonly home: string;
  /** Folder for what is kept of deployments besides the database. */
  readonly folder: string;
  /** The settings. */
  readonly settings: DeploymentSettings;
  /** The environment, for keys and credentials. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where to compute golden prompts and evaluations. */
  readonly device: DeviceWish | undefined;
  /** CPU threads. */
  readonly threads: number | undefined;
  /** Reads the time. */
  readonly clock: Clock;
  /** How long to wait between two looks at a host. */
  readonly pollMs: number;
  /** Ends the work; what was begun goes on another time. */
  readonly signal: AbortSignal;
}

/** What a step works with. */
export interface StepContext extends DeploymentContext {
  /** The deployment. */
  readonly deployment: Deployment;
  /** The step as it was begun. */
  readonly step: DeploymentStep;
  /** Speaks with the step's host; a step without a host has none. */
  readonly client: HostClient;
  /** Who asks: changes of aliases are refused to those who asked before somebody later did. */
  readonly term: number;
  /** Live models, by which the gate judges. */
  readonly references: () => Promise<readonly ReferenceModel[]>;
  /** Names of models that this home has brought to the step's host. */
  readonly broughtModels: () => readonly string[];
  /** Whether deployments are frozen. */
  readonly freeze: () => Freeze | undefined;
  /** Notes how far the step is. */
  readonly note: (detail: JsonObject) => void;
  /** Notes what the host had before; what was noted first stays and comes back. */
  readonly noteBefore: (before: HostBefore) => HostBefore;
  /** Says that the host is there: it may be away again for as long as hosts may. */
  readonly alive: () => void;
  /** Says what goes on, for whoever looks on. */
  readonly say: (words: string) => void;
  /** Waits; rejects when the work is to end. */
  readonly wait: (ms: number) => Promise<void>;
}

/** What came of a step. */
export type StepResult = JsonObject | null;

/** Thrown where trying again would not help: the deployment goes back. */
export class StepFailedError extends Error {
  /** Name of the class. */
  override readonly name = "StepFailedError";
}

/** Thrown where a model does not pass the gate: nothing was changed anywhere. */
export class RefusedError extends Error {
  /** Name of the class. */
  override readonly name = "RefusedError";
  /** What the gate found. */
  readonly report: JsonObject;

  /** Creates the error. */
  constructor(message: string, report: JsonObject) {
    super(message);
    this.report = report;
  }
}
