/**
 * The settings of a server: what flags, help, files, their schema and the reference are made from.
 *
 * @module
 */

import { DEVICE_WISHES, type DeviceWish } from "../engine/runtime/devices.ts";
import { POOLING_WISHES, type PoolingWish } from "./generation/pooling.ts";
import { WEIGHT_WISHES, type WeightWish } from "./generation/weight_types.ts";
import type { SettingTable } from "../utils/settings/setting.ts";

/** The port of a server. */
export const DEFAULT_PORT = 8765;

/** The settings of a server; the keys of its clients are not among them, as files are copied about. */
export interface ServeSettings {
  /** Models as folders, runs or names, each perhaps as `name=model`; null has those that admins load alone. */
  readonly model: readonly string[] | null;
  /** An adapter for it, or several as `name=adapter`, of which each request may use one; null has none. */
  readonly adapter: readonly string[] | null;
  /** Models for embeddings besides, also as `name=model`; null has none. */
  readonly embeddingModel: readonly string[] | null;
  /** How hidden states become the one vector of an embedding. */
  readonly pooling: PoolingWish;
  /** Where to run. */
  readonly device: DeviceWish;
  /** CPU threads; null takes what fits the machine. */
  readonly threads: number | null;
  /** The form in which weights are held. */
  readonly weights: WeightWish;
  /** The model's name in the API, if there is one model; null takes that of its folder. */
  readonly name: string | null;
  /** The name that stands for requests that name none; null takes the alias "champion" or the first model. */
  readonly defaultModel: string | null;
  /** The folder of models that admins may load; null takes that of the home. */
  readonly modelRoot: string | null;
  /** The most MiB of all models together; null takes what fits the machine. */
  readonly maxMemory: number | null;
  /** The address to listen on. */
  readonly host: string;
  /** The port to listen on; 0 takes a free one. */
  readonly port: number;
  /** The web pages that may call; null has none. */
  readonly corsOrigin: readonly string[] | null;
  /** Whether every request is written to standard error, without what it asks. */
  readonly accessLog: boolean;
  /** The most texts made at once. */
  readonly maxRunning: number;
  /** The most texts that wait. */
  readonly maxQueue: number;
  /** The most MiB for keys and values of the texts that are made at once. */
  readonly cacheMemory: number;
  /** The most MiB for those of beginnings that later texts share. */
  readonly prefixMemory: number;
  /** The most tokens guessed ahead. */
  readonly speculate: number;
}

/** The definition of every setting. */
export const SERVE_SETTINGS: SettingTable<ServeSettings> = {
  model: {
    kind: "namedPlaces",
    default: null,
    value: "[name=]model",
    help:
      "a model's or adapter's folder, a run, a checkpoint, a .gguf file, a hub id (owner/name[@revision]) or an alias " +
      "(qwen3); may be given several times, and requests choose one by its name",
  },
  adapter: {
    kind: "namedPlaces",
    default: null,
    value: "[name=]adapter",
    help:
      "an adapter for the model: its folder, or the run that trained it; with names there may be several, and " +
      "requests choose one by its name as their model",
  },
  embeddingModel: {
    kind: "namedPlaces",
    default: null,
    value: "[name=]model",
    help: "a model for /v1/embeddings besides: as --model, or the folder of an encoder with an " +
      "ONNX file (onnx/model.onnx); may be given several times",
  },
  pooling: {
    kind: "choice",
    choices: POOLING_WISHES,
    default: "auto",
    value: "way",
    help:
      "how an embedding is made of hidden states: of the last token, the mean, or of the first; " +
      "auto takes what the model's folder says, else the last and of encoders the mean",
  },
  device: {
    kind: "choice",
    choices: DEVICE_WISHES,
    default: "auto",
    value: "device",
    help: "where to run",
  },
  threads: {
    kind: "integer",
    min: 1,
    default: null,
    otherwise: "by the machine",
    help: "CPU threads",
  },
  weights: {
    kind: "choice",
    choices: WEIGHT_WISHES,
    default: "auto",
    value: "form",
    help:
      "how weights are held: smaller ones are faster and less exact; auto takes int8, and f32 for models below 30 million parameters",
  },
  name: {
    kind: "text",
    default: null,
    otherwise: "that of its folder",
    value: "name",
    help: "the model's name in the API; of several models, each has its own in --model",
  },
  defaultModel: {
    kind: "text",
    default: null,
    otherwise: 'the alias "champion", else the first model',
    value: "name",
    help: "the model or alias that /ready is about, and requests that name none",
  },
  modelRoot: {
    kind: "path",
    default: null,
    otherwise: "models in the home folder",
    value: "folder",
    help: "the folder of models that holders of admin keys may have loaded, and no others",
  },
  maxMemory: {
    kind: "integer",
    min: 1,
    default: null,
    otherwise: "80 % of the machine's",
    value: "MiB",
    help:
      "the most memory for all models together; what was not asked for longest is given up for others, unless an " +
      "alias points at it",
  },
  host: {
    kind: "text",
    default: "127.0.0.1",
    value: "address",
    help: "the address to listen on",
  },
  port: {
    kind: "integer",
    min: 0,
    max: 65535,
    default: DEFAULT_PORT,
    help: "the port to listen on; 0 takes a free one",
  },
  corsOrigin: {
    kind: "names",
    default: null,
    value: "origin",
    help: "let this web page call; may be given several times",
  },
  accessLog: {
    kind: "boolean",
    default: false,
    help:
      "write a line to standard error for each request: time, key, path, status; never what it asks",
  },
  maxRunning: { kind: "integer", min: 1, default: 16, help: "the most texts made at once" },
  maxQueue: {
    kind: "integer",
    min: 1,
    default: 64,
    help: "refuse requests while this many texts wait",
  },
  cacheMemory: {
    kind: "integer",
    min: 1,
    default: 2048,
    value: "MiB",
    help: "the most memory for the texts that are made at once; a text ends where it is full",
  },
  prefixMemory: {
    kind: "integer",
    min: 0,
    default: 512,
    value: "MiB",
    help: "the most memory for beginnings that later texts share; 0 remembers none",
  },
  speculate: {
    kind: "integer",
    min: 0,
    max: 16,
    default: 8,
    value: "tokens",
    help:
      "while one text is made alone, guess up to so many tokens by what followed the same words before, in this text " +
      "or others, as far as that pays; not for requests with a seed or logprobs, which are to give the same again; " +
      "0 guesses none",
  },
};
