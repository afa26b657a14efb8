/**
 * What a deployment is: a model, the hosts it goes to, and steps, each of which is done once or undone.
 *
 * @module
 */

import type { WeightWish } from "../../inference/generation/weight_types.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { HostSettings } from "./host_settings.ts";

/** Everything that can be a step, in the order in which a model gets live; the last three undo. */
export const STEP_NAMES = [
  "gate",
  "ship",
  "load",
  "verify",
  "canary",
  "switch",
  "watch",
  "tidy",
  "restore",
  "unload",
] as const;

/** A step: what it does is in {@linkcode STEP_WORDS}. */
export type StepName = (typeof STEP_NAMES)[number];

/** What each step does, in a few words. */
export const STEP_WORDS: Readonly<Record<StepName, string>> = {
  gate: "judge it by the live model, its size and its licence",
  ship: "bring its files there",
  load: "load it beside what runs",
  verify: "compare its hash and its log-probabilities with those computed here",
  canary: "give it a part of the requests",
  switch: "make it what clients get",
  watch: "watch it while it is live",
  tidy: "remove models that are neither live nor the one before",
  restore: "go back to the model before",
  unload: "take it off",
};

/** Where a deployment can stand. */
export const DEPLOYMENT_STATES = [
  "running",
  "rolling_back",
  "done",
  "refused",
  "rolled_back",
] as const;

/** Where a deployment stands; `refused` are those that did not pass the gate. */
export type DeploymentState = (typeof DEPLOYMENT_STATES)[number];

/** Whether nothing more is to be done. */
export const IS_OVER: Readonly<Record<DeploymentState, boolean>> = {
  running: false,
  rolling_back: false,
  done: true,
  refused: true,
  rolled_back: true,
};

/** A model by its content. */
export interface DeployedModel {
  /** Its name on hosts: its own and the beginning of its hash. */
  readonly name: string;
  /** Its folder here; of an adapter, that of the model it is for. */
  readonly folder: string;
  /** The adapter's folder; null if it is a whole model. */
  readonly adapter: string | null;
  /** What the folder of an adapter's model is called on hosts; null if it is a whole model. */
  readonly base: string | null;
  /** SHA-256 of all that decides about its answers. */
  readonly contentHash: string;
  /** The form in which hosts hold its weights. */
  readonly weights: WeightWish;
  /** Bytes of its files. */
  readonly bytes: number;
  /** Its licence by its SPDX name; null if none is told. */
  readonly license: string | null;
}

/** States of a step. */
export type StepState = "waiting" | "running" | "done" | "failed";

/** A step of a deployment. */
export interface DeploymentStep {
  /** Its place, from 0. */
  readonly position: number;
  /** What is done. */
  readonly name: StepName;
  /** On which host; null if it is about none. */
  readonly host: string | null;
  /** Whether it is done. */
  readonly state: StepState;
  /** How often it was begun. */
  readonly attempts: number;
  /** When it was begun first. */
  readonly startedAtMs: number | null;
  /** When it ended. */
  readonly finishedAtMs: number | null;
  /** What came of it. */
  readonly detail: JsonObject | null;
  /** Why it failed, or what is being waited for. */
  readonly error: string | null;
}

/** What a host had before. */
export interface HostBefore {
  /** The model that the alias named; null if there was no alias. */
  readonly model: string | null;
  /** The alias's revision then. */
  readonly revision: number;
}

/** A deployment. */
export interface Deployment {
  /** Its id. */
  readonly id: string;
  /** A new model, or one from before that somebody goes back to. */
  readonly kind: "deploy" | "rollback";
  /** Where it stands. */
  readonly state: DeploymentState;
  /** The name that clients use. */
  readonly alias: string;
  /** The model. */
  readonly model: DeployedModel;
  /** The model as it was asked for, for people. */
  readonly source: string;
  /** Where it goes, in this order. */
  readonly hosts: readonly HostSettings[];
  /** What was, by host, before it was changed there. */
  readonly before: Readonly<Record<string, HostBefore>>;
  /** All steps. */
  readonly steps: readonly DeploymentStep[];
  /** Why it was refused or rolled back. */
  readonly error: string | null;
  /** When it was asked for. */
  readonly createdAtMs: number;
  /** When it came to its end. */
  readonly finishedAtMs: number | null;
}

/** A step that is yet to be done. */
export type PlannedStep = Pick<DeploymentStep, "name" | "host">;

/** Returns the steps by which a model gets live: on all hosts it is made ready first, then they switch one by one. */
export function planSteps(
  hosts: readonly Pick<HostSettings, "name">[],
  { kind, isTried, isJudged }: {
    readonly kind: Deployment["kind"];
    /** Whether it gets a part of the traffic before all of it. */
    readonly isTried: boolean;
    /** Whether it must pass the gate. */
    readonly isJudged: boolean;
  },
): readonly PlannedStep[] {
  const each = (names: readonly StepName[], host: string): PlannedStep[] =>
    names.map((name) => ({ name, host }));
  const ready: readonly StepName[] = kind === "deploy" ? ["ship", "load", "verify"] : ["load"];
  return [
    ...(isJudged ? [{ name: "gate" as const, host: null }] : []),
    ...ready.flatMap((name) => hosts.map((host) => ({ name, host: host.name }))),
    ...hosts.flatMap(({ name }) =>
      each([...(isTried ? ["canary" as const] : []), "switch", "watch"], name)
    ),
    ...(kind === "deploy" ? hosts.map(({ name }) => ({ name: "tidy" as const, host: name })) : []),
  ];
}

/** Returns the steps that undo what was begun: each host goes back first, the last one changed first. */
export function planRollback(
  { steps, kind }: Pick<Deployment, "steps" | "kind">,
): readonly PlannedStep[] {
  const begun = (names: readonly StepName[]) => {
    const hosts = steps.filter(({ name, attempts }) => attempts > 0 && names.includes(name))
      .flatMap(({ host }) => host === null ? [] : [host]);
    return [...new Set(hosts)].toReversed();
  };
  return [
    ...begun(["canary", "switch", "watch"]).map((host) => ({ name: "restore" as const, host })),
    ...(kind === "deploy"
      ? begun(["ship", "load"]).map((host) => ({ name: "unload" as const, host }))
      : []),
  ];
}
