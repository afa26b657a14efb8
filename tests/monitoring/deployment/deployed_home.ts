/**
 * A home with tiny models, a host that serves the first of them, and an orchestrator.
 *
 * @module
 */

import { join } from "node:path";
import { hashModel } from "../../../src/inference/model_hash.ts";
import {
  type DeploymentEvent,
  DeploymentOrchestrator,
  type DeploymentSettings,
  deploymentSettings,
} from "../../../src/monitoring/deployment_orchestrator.ts";
import { writeTinyModel } from "../../e2e/tiny_model.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { ENV, startTestHost, type TestHost } from "./test_host.ts";

/** A model of the home. */
export interface HomeModel {
  /** Its name there. */
  readonly id: string;
  /** Its folder. */
  readonly folder: string;
  /** SHA-256 of its content. */
  readonly hash: string;
}

/** A home with models and a host. */
export interface DeployedHome extends AsyncDisposable {
  /** The home folder. */
  readonly home: string;
  /** The folder that all lies in. */
  readonly folder: string;
  /** The host. */
  readonly host: TestHost;
  /** Makes a model; equal numbers give equal models. */
  model(number: number): Promise<HomeModel>;
  /** Opens an orchestrator. */
  orchestrator(options?: OrchestratorOptions): DeploymentOrchestrator;
  /** Deploys a model as the first one. */
  begin(model: HomeModel): Promise<void>;
}

/** Options of {@linkcode DeployedHome.orchestrator}. */
export interface OrchestratorOptions {
  /** Settings on top of {@linkcode QUICK}. */
  readonly settings?: Partial<DeploymentSettings>;
  /** Told of what happens. */
  readonly onEvent?: (event: DeploymentEvent) => void;
  /** Environment variables besides the key. @default {{}} */
  readonly env?: Readonly<Record<string, string>>;
  /** Another home. @default {the home} */
  readonly home?: string;
}

/** Settings by which a deployment takes a second. */
export const QUICK = {
  canary: {
    share: 0.5,
    minRequests: 4,
    minSeconds: 0,
    maxSeconds: 60,
    maxErrors: 2,
    maxErrorRate: 0.5,
    maxLatencyRatio: 1000,
  },
  watchSeconds: 0.1,
  hostTimeoutSeconds: 30,
  requestTimeoutSeconds: 20,
  loadTimeoutSeconds: 30,
} as const;

/** Makes a home with a host. */
export async function deployedHome(
  { ship, hostFolder }: {
    /** How files get to the host. @default {by hard links} */
    readonly ship?: string;
    /** The host's folder. @default {one beside the home} */
    readonly hostFolder?: string;
  } = {},
): Promise<DeployedHome> {
  const folder = await temporaryFolder();
  const home = join(folder.path, "home");
  await Deno.mkdir(home);
  const options = {
    folder: hostFolder ?? join(folder.path, "host"),
    ...(ship === undefined ? {} : { ship }),
  };
  const host = await startTestHost(options);
  const orchestrator = ({ settings = {}, env, onEvent, ...rest }: OrchestratorOptions = {}) =>
    new DeploymentOrchestrator({
      home: rest.home ?? home,
      settings: { ...deploymentSettings({ ...QUICK }), hosts: [host.settings], ...settings },
      env: { ...ENV, ...env },
      device: "native",
      threads: 1,
      pollMs: 10,
      ...(onEvent === undefined ? {} : { onEvent }),
    });
  return {
    ...{ home, host, orchestrator, folder: folder.path },
    async model(number) {
      const id = `model-${number}`;
      const path = await writeTinyModel(join(home, "models", id), {
        change: (name, data) => {
          // enough for its answers to differ, and the surer of what it does not know, the worse
          const factor = name.includes("mlp")
            ? 1 + number
            : name.includes("lm_head")
            ? 1 + number / 4
            : 1;
          for (let i = 0; i < data.length; i++) data[i]! *= factor;
        },
      });
      return { id, folder: path, hash: await hashModel({ folder: path }) };
    },
    async begin({ id, folder }) {
      using first = orchestrator();
      const result = await first.deploy({ id, folder, isJudged: false });
      if (result.outcome !== "ended" || result.deployment.state !== "done") {
        throw new Error(`the first deployment failed: ${JSON.stringify(result)}`);
      }
    },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
