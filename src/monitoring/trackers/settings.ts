/**
 * Where a run is shown besides its own folder.
 *
 * @module
 */

import { resolve } from "node:path";
import { UserError } from "../../utils/errors.ts";

/** Every tracker. */
export const TRACKERS = ["tensorboard", "mlflow", "wandb"] as const;

/** Name of a tracker. */
export type TrackerName = (typeof TRACKERS)[number];

/** Event files for TensorBoard. */
export interface TensorboardSettings {
  /** Which tracker. */
  readonly kind: "tensorboard";
  /** Folder that gets a folder for each run; null writes into the run's own. */
  readonly folder: string | null;
}

/** What is common to servers. */
export interface ServerSettings {
  /** Address of the server, without a slash at its end. */
  readonly url: string;
  /** Value of the header `Authorization`; null sends none. */
  readonly authorization: string | null;
  /** Experiment of MLflow, project of W&B. */
  readonly project: string;
  /** What the run is called there; null takes the name of its folder. */
  readonly runName: string | null;
}

/** An MLflow server. */
export interface MlflowSettings extends ServerSettings {
  /** Which tracker. */
  readonly kind: "mlflow";
}

/** A W&B server. */
export interface WandbSettings extends ServerSettings {
  /** Which tracker. */
  readonly kind: "wandb";
  /** User or team; null takes the key's own. */
  readonly entity: string | null;
}

/** Settings of a tracker. */
export type TrackerSettings = TensorboardSettings | MlflowSettings | WandbSettings;

/** Options of {@linkcode resolveTracker}. */
export interface ResolveTrackerOptions {
  /** The environment, which holds addresses and keys. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative paths are relative to. */
  readonly cwd: string;
  /** Experiment or project; null takes that of the environment, or `llm-training`. */
  readonly project: string | null;
  /** What the run is called; null takes that of the environment, or the name of its folder. */
  readonly runName: string | null;
}

const DEFAULT_PROJECT = "llm-training";

const WANDB_CLOUD = "https://api.wandb.ai";

/**
 * Returns the settings of the tracker that `text` names: its name, or `<name>=<folder or address>`.
 *
 * @throws {UserError} If it is unknown, or has no address or key.
 */
export function resolveTracker(text: string, options: ResolveTrackerOptions): TrackerSettings {
  const name = text.split("=", 1)[0]!;
  const place = text.includes("=") ? text.slice(name.length + 1) : undefined;
  const known = TRACKERS.find((each) => each === name);
  if (known === undefined) {
    throw new UserError(`Cannot use tracker "${name}": choose one of ${TRACKERS.join(", ")}`);
  }
  if (place !== undefined && /^https?:\/\/[^/]*@/.test(place)) {
    throw new UserError(
      `Cannot use tracker ${name} with a password in its address, which would be saved with the run: set ` +
        (known === "wandb"
          ? "WANDB_API_KEY"
          : "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
    );
  }
  return RESOLVERS[known](place, options);
}

const RESOLVERS: Readonly<
  Record<
    TrackerName,
    (place: string | undefined, options: ResolveTrackerOptions) => TrackerSettings
  >
> = {
  tensorboard: (place, { cwd }) => ({
    kind: "tensorboard",
    folder: place === undefined ? null : resolve(cwd, place),
  }),
  mlflow(place, { env, project, runName }) {
    const address = place || env.MLFLOW_TRACKING_URI;
    if (!address) {
      throw new UserError(
        "Cannot use tracker mlflow: say where the server is, by --tracker mlflow=http://127.0.0.1:5000 or the variable " +
          "MLFLOW_TRACKING_URI",
      );
    }
    const { url, authorization } = serverAt(address, "mlflow");
    const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user } = env;
    return {
      kind: "mlflow",
      url,
      authorization: user
        ? basic(user, env.MLFLOW_TRACKING_PASSWORD ?? "")
        : token
        ? `Bearer ${token}`
        : authorization,
      project: project ?? (env.MLFLOW_EXPERIMENT_NAME || DEFAULT_PROJECT),
      runName: runName ?? (env.MLFLOW_RUN_NAME || null),
    };
  },
  wandb(place, { env, project, runName }) {
    const { url, authorization } = serverAt(place || env.WANDB_BASE_URL || WANDB_CLOUD, "wandb");
    if (!env.WANDB_API_KEY && authorization === null) {
      throw new UserError(
        `Cannot use tracker wandb: set the variable WANDB_API_KEY to your key for ${url}`,
      );
    }
    return {
      kind: "wandb",
      url,
      authorization: env.WANDB_API_KEY ? basic("api", env.WANDB_API_KEY.trim()) : authorization,
      project: project ?? (env.WANDB_PROJECT || DEFAULT_PROJECT),
      runName: runName ?? (env.WANDB_NAME || null),
      entity: env.WANDB_ENTITY || null,
    };
  },
};

/** Takes user and password out of an address: they are sent as a header. */
function serverAt(
  address: string,
  tracker: TrackerName,
): { readonly url: string; readonly authorization: string | null } {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UserError(
      `Cannot use tracker ${tracker} at "${address}": its address must begin with http:// or https://`,
    );
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  return {
    url: `${url.origin}${url.pathname}`.replace(/\/+$/, ""),
    authorization: username === ""
      ? null
      : basic(decodeURIComponent(username), decodeURIComponent(password)),
  };
}

function basic(user: string, password: string): string {
  return `Basic ${new TextEncoder().encode(`${user}:${password}`).toBase64()}`;
}
