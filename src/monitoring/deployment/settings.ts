/**
 * The settings of deployments: what a model must have shown, how much traffic it is tried with, and where it goes.
 *
 * @module
 */

import { WEIGHT_WISHES, type WeightWish } from "../../inference/generation/weight_types.ts";
import type { JsonObject } from "../../utils/json.ts";
import { object } from "../../utils/json.ts";
import { fieldsOf, schemaOf } from "../../utils/settings/rules.ts";
import {
  anySettings,
  defaultsOf,
  type Setting,
  type SettingTable,
} from "../../utils/settings/setting.ts";
import { decodeHosts, hostOf, HOSTS_SCHEMA, type HostSettings } from "./host_settings.ts";

/** What a model must have shown before it goes anywhere. */
export interface GateSettings {
  /** Tasks on which it must be better than the live model; null takes the daemon's fixed set. */
  readonly tasks: readonly string[] | null;
  /** Tasks on which it must not be worse. */
  readonly noRegression: readonly string[] | null;
  /** The least gain on the tasks, in units of each one's metric. */
  readonly minimumGain: number;
  /** Confidence of verdicts. */
  readonly confidence: number;
  /** The most items of a task; null takes all. */
  readonly limit: number | null;
  /** The most bytes of its files; null sets no limit. */
  readonly maxBytes: number | null;
  /** The licences that it may have, by their SPDX names; null allows any. */
  readonly licenses: readonly string[] | null;
}

/** How a model is tried with a part of the traffic. */
export interface CanarySettings {
  /** The part of the requests that it gets. */
  readonly share: number;
  /** How many requests it must have answered. */
  readonly minRequests: number;
  /** The least time that it is tried. */
  readonly minSeconds: number;
  /** The most time that is waited for requests; then what came counts. */
  readonly maxSeconds: number;
  /** With so many errors it is stopped. */
  readonly maxErrors: number;
  /** With a greater part of errors it is stopped, once it has answered the least number of requests. */
  readonly maxErrorRate: number;
  /** With a median latency so many times the live model's it is stopped. */
  readonly maxLatencyRatio: number;
}

/** The settings of deployments. */
export interface DeploymentSettings {
  /** Where models go. */
  readonly hosts: readonly HostSettings[];
  /** The name that clients use. */
  readonly alias: string;
  /** The name of a model while it is tried; null gives it none. */
  readonly challenger: string | null;
  /** The form in which hosts hold the weights. */
  readonly weights: WeightWish;
  /** What a model must have shown. */
  readonly gate: GateSettings;
  /** How it is tried. */
  readonly canary: CanarySettings;
  /** How long a model is watched once it is live. */
  readonly watchSeconds: number;
  /** How long a host may be away. */
  readonly hostTimeoutSeconds: number;
  /** How long a request to a host may take. */
  readonly requestTimeoutSeconds: number;
  /** How long fetching or loading a model may take. */
  readonly loadTimeoutSeconds: number;
  /** How far log-probabilities on the host may be from those computed here, in the mean; null goes by the weights. */
  readonly verifyTolerance: number | null;
  /** Text file with a prompt in each line, by which a model is verified; null takes some of its own. */
  readonly goldenPrompts: string | null;
  /** Models that stay on a host besides the live one and the one before. */
  readonly keepModels: number;
  /** The URL of an S3 service. */
  readonly s3Endpoint: string | null;
  /** Its region. */
  readonly s3Region: string | null;
  /** Whether the daemon deploys what it has made live. */
  readonly auto: boolean;
}

/** The definition of every setting of the gate. */
export const GATE_SETTINGS: SettingTable<GateSettings> = {
  tasks: {
    kind: "texts",
    default: null,
    otherwise: "the daemon's fixed set",
    value: "task",
    flag: "task",
    help:
      "a task on which the model must be better than the live one: what eval takes; may be given several times",
  },
  noRegression: {
    kind: "texts",
    default: null,
    value: "task",
    flag: "guard-task",
    help:
      "a task on which the model must not be worse than the live one; may be given several times",
  },
  minimumGain: {
    kind: "number",
    min: 0,
    default: 0,
    value: "difference",
    help: "the least gain on the tasks, in units of their metric",
  },
  confidence: {
    kind: "number",
    min: 0.51,
    max: 0.9999,
    default: 0.975,
    value: "part",
    help: "confidence of the verdicts",
  },
  limit: { kind: "integer", min: 1, default: null, help: "the most items of a task" },
  maxBytes: {
    kind: "integer",
    min: 1,
    default: null,
    value: "bytes",
    help: "the most bytes of the model's files",
  },
  licenses: {
    kind: "names",
    default: null,
    otherwise: "any",
    value: "names",
    help: "the licences that the model may have, by their SPDX names",
  },
};

/** The definition of every setting of the canary. */
export const CANARY_SETTINGS: SettingTable<CanarySettings> = {
  share: {
    kind: "number",
    min: 0,
    max: 1,
    default: 0.1,
    value: "part",
    flag: "canary-share",
    help: "the part of the requests that a new model is tried with; 0 switches at once",
  },
  minRequests: {
    kind: "integer",
    min: 0,
    default: 20,
    flag: "canary-min-requests",
    help: "how many requests it must have answered",
  },
  minSeconds: {
    kind: "number",
    min: 0,
    default: 30,
    value: "seconds",
    flag: "canary-min-seconds",
    help: "the least time that it is tried",
  },
  maxSeconds: {
    kind: "number",
    min: 0,
    default: 900,
    value: "seconds",
    flag: "canary-max-seconds",
    help: "the most time that is waited for requests; then those that came count",
  },
  maxErrors: {
    kind: "integer",
    min: 0,
    default: 2,
    flag: "canary-max-errors",
    help: "more errors stop it",
  },
  maxErrorRate: {
    kind: "number",
    min: 0,
    max: 1,
    default: 0.05,
    value: "part",
    flag: "canary-max-error-rate",
    help: "a greater part of errors stops it, once it has answered the least number of requests",
  },
  maxLatencyRatio: {
    kind: "number",
    min: 1,
    default: 3,
    value: "factor",
    flag: "canary-max-latency-ratio",
    help: "a median latency of more than so many times the live model's stops it",
  },
};

/** The gate where nothing is said. */
export const GATE_DEFAULTS: GateSettings = defaultsOf(GATE_SETTINGS) as GateSettings;

/** The canary where nothing is said. */
export const CANARY_DEFAULTS: CanarySettings = defaultsOf(CANARY_SETTINGS) as CanarySettings;

/** The definition of every setting. */
export const DEPLOYMENT_SETTINGS: SettingTable<DeploymentSettings> = {
  hosts: {
    kind: "custom",
    decode: decodeHosts,
    parse: (url) => [hostOf({ url })],
    schema: HOSTS_SCHEMA,
    default: [],
    value: "url",
    flag: "host",
    help:
      "the servers that models are deployed to, each a URL or an object with url, name, ship and key",
  },
  alias: { kind: "text", default: "champion", value: "name", help: "the name that clients use" },
  challenger: {
    kind: "text",
    default: "challenger",
    value: "name",
    help: "the name of a model while it is tried",
  },
  weights: {
    kind: "choice",
    choices: WEIGHT_WISHES,
    default: "auto",
    value: "form",
    help: "the form in which hosts hold the weights",
  },
  gate: grouped(GATE_SETTINGS, {
    default: GATE_DEFAULTS,
    help: "what a model must have shown before it goes anywhere",
  }),
  canary: grouped(CANARY_SETTINGS, {
    default: CANARY_DEFAULTS,
    help: "how a model is tried with a part of the traffic",
  }),
  watchSeconds: {
    kind: "number",
    min: 0,
    default: 60,
    value: "seconds",
    help: "how long a model is watched once it is live",
  },
  hostTimeoutSeconds: {
    kind: "number",
    min: 0,
    default: 300,
    value: "seconds",
    help: "how long a host may be away before the deployment is rolled back",
  },
  requestTimeoutSeconds: {
    kind: "number",
    min: 0.1,
    default: 30,
    value: "seconds",
    help: "how long a request to a host may take",
  },
  loadTimeoutSeconds: {
    kind: "number",
    min: 0.1,
    default: 1800,
    value: "seconds",
    help: "how long fetching or loading a model may take",
  },
  verifyTolerance: {
    kind: "number",
    min: 0,
    default: null,
    otherwise: "by the weights: 0.002 for f32, 0.1 for int4",
    value: "nats",
    help:
      "how far log-probabilities on the host may be from those computed here, in the mean; ten times as far for each",
  },
  goldenPrompts: {
    kind: "path",
    default: null,
    otherwise: "some of its own",
    value: "file",
    help: "text file with a prompt in each line, by which a model is verified on its host",
  },
  keepModels: {
    kind: "integer",
    min: 0,
    default: 0,
    help: "models that stay on a host besides the live one and the one before",
  },
  s3Endpoint: {
    kind: "text",
    default: null,
    otherwise: "Amazon's, or $AWS_ENDPOINT_URL",
    value: "url",
    help: "the URL of the S3 service that models are shipped through",
  },
  s3Region: {
    kind: "text",
    default: null,
    otherwise: "us-east-1, or $AWS_REGION",
    value: "region",
    help: "the region of the S3 service",
  },
  auto: {
    kind: "boolean",
    default: false,
    help: "the daemon deploys each model that it has made live and that passes the gate",
  },
};

/** The settings where nothing is said. */
export const DEPLOYMENT_DEFAULTS: DeploymentSettings = defaultsOf(
  DEPLOYMENT_SETTINGS,
) as DeploymentSettings;

/** A setting that is an object of settings in files; on the command line each has a flag of its own. */
function grouped<T>(
  table: SettingTable<T>,
  { default: fallback, help }: { readonly default: T; readonly help: string },
): Setting<T> {
  const properties = Object.entries(anySettings(table)).map(([key, setting]) =>
    [key, schemaOf(setting)] as const
  );
  const schema: JsonObject = {
    type: "object",
    properties: Object.fromEntries(properties),
    additionalProperties: false,
  };
  const setting = {
    kind: "custom",
    decode: object<T>(fieldsOf(table)),
    parse: () => {
      throw new Error("It is an object, in a file alone.");
    },
    schema,
    default: fallback,
    otherwise: "see docs/deployment.md",
    value: "object",
    help,
  };
  return setting as unknown as Setting<T>;
}
