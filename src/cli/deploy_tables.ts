/**
 * Deployments as people and programs read them.
 *
 * @module
 */

import type {
  Deployment,
  DeploymentEvent,
  DeploymentPlan,
  DeploymentStatus,
  DeploymentStep,
  GateReport,
  HostPlan,
} from "../monitoring/deployment_orchestrator.ts";
import { STEP_WORDS } from "../monitoring/deployment_orchestrator.ts";
import { formatBytes, formatDuration } from "../utils/format.ts";
import { columns } from "./columns.ts";

/** Returns a deployment as JSON. */
export function deploymentJson(deployment: Deployment): Readonly<Record<string, unknown>> {
  const { id, kind, state, alias, model, source, hosts, before, steps, error } = deployment;
  return {
    ...{ id, kind, state, alias, source },
    model: modelJson(model),
    hosts: hosts.map(({ name, url, ship }) => ({ name, url, ship })),
    before: Object.fromEntries(
      Object.entries(before).map(([host, { model }]) => [host, model]),
    ),
    error,
    created_at: timeOf(deployment.createdAtMs),
    finished_at: deployment.finishedAtMs === null ? null : timeOf(deployment.finishedAtMs),
    steps: steps.map(({ name, host, state, attempts, startedAtMs, finishedAtMs, ...rest }) => ({
      ...{ step: name, host, state, attempts },
      started_at: startedAtMs === null ? null : timeOf(startedAtMs),
      finished_at: finishedAtMs === null ? null : timeOf(finishedAtMs),
      detail: rest.detail,
      error: rest.error,
    })),
  };
}

/** Returns a plan as JSON. */
export function planJson(
  { model, alias, hosts, steps }: DeploymentPlan,
): Readonly<Record<string, unknown>> {
  return {
    alias,
    model: modelJson(model),
    hosts: hosts.map(hostJson),
    steps: steps.map(({ name, host }) => ({ step: name, host })),
  };
}

/** Returns what hosts and deployments are like as JSON. */
export function statusJson(
  { hosts, unfinished, last, freeze }: DeploymentStatus,
): Readonly<Record<string, unknown>> {
  return {
    hosts: hosts.map((each) =>
      "problem" in each
        ? { host: each.host.name, url: each.host.url, problem: each.problem }
        : hostJson(each)
    ),
    unfinished: unfinished === undefined ? null : deploymentJson(unfinished),
    last: last === undefined ? null : deploymentJson(last),
    frozen: freeze === undefined ? null : { reason: freeze.reason, since: timeOf(freeze.sinceMs) },
  };
}

/** Returns the lines of a plan. */
export function planLines({ model, alias, hosts, steps }: DeploymentPlan): readonly string[] {
  const { name, bytes, license, contentHash } = model;
  return [
    `${name}: ${formatBytes(bytes)}, hash ${contentHash.slice(0, 16)}…, licence ${
      license ?? "not told"
    }`,
    ...hosts.map(({ host, live, isLive }) =>
      `host ${host.name}: "${alias}" is ${live?.name ?? "not there"}${
        isLive ? ", which is this model: nothing to do" : ""
      }`
    ),
    ...columns(
      steps.map(({ name, host }, i) => [`${i + 1}.`, name, host ?? "", STEP_WORDS[name]]),
      { right: [0] },
    ),
  ];
}

/** Returns the lines of what the gate found. */
export function gateLines({ passed, refusal, verdicts }: GateReport): readonly string[] {
  return [
    ...verdicts.map(({ task, verdict, summary }) => `${task}: ${verdict}. ${summary}`),
    passed
      ? verdicts.length === 0 ? "gate: passed, there is no model to compare with" : "gate: passed"
      : `gate: refused, ${refusal}`,
  ];
}

/** Returns the lines of a deployment. */
export function deploymentLines(deployment: Deployment): readonly string[] {
  const { id, kind, state, model, steps, error } = deployment;
  return [
    `${id}: ${kind === "rollback" ? "back to " : ""}${model.name}, ${WORDS[state]}`,
    ...(error === null ? [] : [`because ${error}`]),
    ...columns(
      steps.filter(({ attempts }) => attempts > 0).map((step) => [
        step.state,
        step.name,
        step.host ?? "",
        durationOf(step),
        step.error ?? noteOf(step),
      ]),
      { right: [3] },
    ),
  ];
}

/** Returns a line for each deployment. */
export function historyLines(deployments: readonly Deployment[]): readonly string[] {
  if (deployments.length === 0) return ["Nothing was deployed yet."];
  return columns([
    ["deployment", "at", "model", "state", "why"],
    ...deployments.map(({ id, kind, createdAtMs, model, state, error }) => [
      id,
      timeOf(createdAtMs).replace(/\.\d+Z$/, "Z"),
      model.name,
      kind === "rollback" && state === "done" ? "went back to it" : WORDS[state],
      error ?? "",
    ]),
  ]);
}

/** Returns the lines of what hosts and deployments are like. */
export function statusLines(
  { hosts, unfinished, last, freeze }: DeploymentStatus,
): readonly string[] {
  return [
    ...(hosts.length === 0
      ? ["No host is named in the settings."]
      : hosts.map((each) =>
        "problem" in each
          ? `host ${each.host.name}: ${each.problem}`
          : `host ${each.host.name}: ${each.live?.name ?? "no model is live"}${
            each.previous === null ? "" : `, before it ${each.previous}`
          }`
      )),
    ...(freeze === undefined ? [] : [
      `frozen since ${timeOf(freeze.sinceMs)}${freeze.reason === null ? "" : `: ${freeze.reason}`}`,
    ]),
    ...(unfinished === undefined
      ? last === undefined ? ["Nothing was deployed yet."] : deploymentLines(last)
      : [...deploymentLines(unfinished), '"deploy resume" goes on with it']),
  ];
}

/** Returns what happened in a line. */
export function eventLine({ step, host, kind, message }: DeploymentEvent): string {
  const subject = [step ?? "deployment", ...(host === null ? [] : [`on ${host}`])].join(" ");
  switch (kind) {
    case "begins":
      return `${subject}: ${message}`;
    case "done":
      return `${subject}: done`;
    case "again":
      return `${subject}: tried again, as ${message}`;
    case "failed":
      return `${subject}: failed, ${message}`;
    case "progress":
    case "over":
      return `${subject}: ${message}`;
  }
}

const WORDS: Readonly<Record<Deployment["state"], string>> = {
  running: "under way",
  rolling_back: "going back",
  done: "deployed",
  refused: "refused by the gate",
  rolled_back: "rolled back",
};

function noteOf({ detail, name }: DeploymentStep): string {
  if (detail === null) return "";
  if (name === "canary" && typeof detail["requests"] === "number") {
    return `${detail["requests"]} requests, ${detail["errors"]} errors`;
  }
  const text = detail["skipped"] ?? detail["kept"] ?? detail["note"];
  return typeof text === "string" ? text : "";
}

function durationOf({ startedAtMs, finishedAtMs }: DeploymentStep): string {
  return startedAtMs === null || finishedAtMs === null
    ? ""
    : formatDuration(finishedAtMs - startedAtMs);
}

function hostJson({ host, live, previous, isLive }: HostPlan): Readonly<Record<string, unknown>> {
  return { host: host.name, url: host.url, live, previous, is_live: isLive };
}

function modelJson(model: Deployment["model"]): Readonly<Record<string, unknown>> {
  const { name, folder, adapter, contentHash, weights, bytes, license } = model;
  return { name, folder, adapter, content_hash: contentHash, weights, bytes, license };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
