/**
 * What an orchestrator is asked, and what it answers.
 *
 * @module
 */

import type { DeviceWish } from "../../engine/runtime/devices.ts";
import type { Clock } from "../../utils/clock.ts";
import type { Deployment } from "./deployment.ts";
import type { DeploymentPlan, HostPlan } from "./plan.ts";
import type { DeploymentEvent } from "./run_steps.ts";
import type { DeploymentSettings } from "./settings.ts";
import type { Freeze } from "./store.ts";

/** Options of `DeploymentOrchestrator`. */
export interface DeploymentOrchestratorOptions {
  /** The home folder, in whose database deployments are written down. */
  readonly home: string;
  /** The settings. */
  readonly settings: DeploymentSettings;
  /** The environment, for admin keys and credentials. @default {{}} */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where to compute golden prompts and evaluations. @default {"auto"} */
  readonly device?: DeviceWish;
  /** CPU threads. @default {by the machine} */
  readonly threads?: number;
  /** Reads the time. @default {systemClock} */
  readonly clock?: Clock;
  /** How long to wait between two looks at a host. @default {1000} */
  readonly pollMs?: number;
  /** Told of what happens. @default {nobody} */
  readonly onEvent?: (event: DeploymentEvent) => void;
}

/** A model that is to be deployed. */
export interface DeploymentRequest {
  /** What it is called. */
  readonly id: string;
  /** Its folder, or `.gguf` file. */
  readonly folder: string;
  /** The folder of an adapter for it. */
  readonly adapter?: string | undefined;
  /** Its licence, where its files tell none. */
  readonly license?: string | undefined;
  /** What stands for the live model in comparisons. @default {the live model itself, as it was deployed from here} */
  readonly reference?: Pick<DeploymentRequest, "id" | "folder" | "adapter"> | undefined;
  /** Whether trials of other models on the hosts are ended, whoever began them. @default {false} */
  readonly takesOver?: boolean;
  /** Whether it must pass the gate. @default {true} */
  readonly isJudged?: boolean;
  /** Ends the work; what was begun goes on another time. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of a request. */
export type DeploymentOutcome =
  /** The deployment came to its end. */
  | { readonly outcome: "ended"; readonly deployment: Deployment }
  /** The model is live on every host: nothing was done. */
  | { readonly outcome: "live already"; readonly plan: DeploymentPlan };

/** What the hosts and the deployments of a home are like. */
export interface DeploymentStatus {
  /** What each host has; a text where it cannot be asked. */
  readonly hosts:
    readonly (HostPlan | { readonly host: HostPlan["host"]; readonly problem: string })[];
  /** The deployment that is not over. */
  readonly unfinished: Deployment | undefined;
  /** The newest that is over. */
  readonly last: Deployment | undefined;
  /** Whether deployments are frozen. */
  readonly freeze: Freeze | undefined;
}
