/**
 * What a host of models is made from, and what it tells.
 *
 * @module
 */

import type { PooledModel } from "../model_pool.ts";
import type { InferenceService } from "../service.ts";
import type { LoadRequest } from "../worker_protocol.ts";
import type { HostStore } from "./host_state.ts";
import type { LoadDefaults } from "./model_spec.ts";
import type { PullsOptions } from "./pulls.ts";

/** Options of `createModelHost`. */
export interface ModelHostOptions {
  /** Loads a model; refuses it if it has another content than the request says. */
  readonly open: (load: LoadRequest) => Promise<InferenceService>;
  /** Returns the SHA-256 of what a request loads. */
  readonly hash: (load: LoadRequest) => Promise<string>;
  /** Returns about how many bytes a model takes. */
  readonly estimateBytes: (load: LoadRequest) => Promise<number>;
  /** The most bytes of all models together. */
  readonly maxBytes: number;
  /** The folder in which models must lie that it is told to load. */
  readonly modelRoot: string;
  /** How often it tries to fetch files. @default {4 times} */
  readonly pulls?: Omit<PullsOptions, "root">;
  /** How models are loaded that say nothing else. */
  readonly defaults: LoadDefaults;
  /** Models that are there from the start, each with its name as `id`. @default {[]} */
  readonly models?: readonly LoadRequest[];
  /** What remembers models and aliases. @default {the process} */
  readonly store?: HostStore;
  /** The name that stands for requests that name none. @default {"champion", or the first model} */
  readonly defaultName?: string | undefined;
  /** Is told of what could not be done that nobody waits for. @default {nobody} */
  readonly onError?: (error: unknown) => void;
}

/** Options of `ModelHost.remove`. */
export interface RemoveOptions {
  /** Remove its folders too, except those that other models use. @default {false} */
  readonly removesFiles?: boolean;
}

/** A model of a host. */
export interface HostedModel extends PooledModel {
  /** Its name. */
  readonly name: string;
  /** Whether it is never given up for others: something points at it. */
  readonly isPinned: boolean;
}
