/**
 * What a trainer and the process that supervises it tell each other: lines of JSON, commands on the trainer's
 * standard input, messages on its standard output. The end of its input tells a trainer that nobody supervises it any
 * more; it then saves and ends, as after `stop`.
 *
 * @module
 */

import {
  anyObject,
  decode,
  type FieldDecoders,
  integer,
  type JsonObject,
  nullable,
  number,
  object,
  oneOf,
  parseJson,
  text,
} from "../../utils/json.ts";

/** What a trainer can be told: save a checkpoint and go on, or save and end. */
export const TRAINER_COMMANDS = ["checkpoint", "stop"] as const;

/** What a trainer can be told. */
export type TrainerCommand = (typeof TRAINER_COMMANDS)[number];

/** A command to a trainer. */
export interface TrainerRequest {
  /** Tells its acknowledgement from others. */
  readonly id: number;
  /** What to do. */
  readonly command: TrainerCommand;
}

/** How a run ended that did not fail. */
export const RUN_ENDS = ["finished", "stopped_early", "interrupted"] as const;

/** How a run ended that did not fail. */
export type RunEnd = (typeof RUN_ENDS)[number];

/**
 * Why a run failed: what was given cannot be used, something could not be downloaded, the disk is full, or the program
 * is at fault.
 */
export const RUN_FAILURES = ["input", "download", "disk_full", "internal"] as const;

/** Why a run failed. */
export type RunFailure = (typeof RUN_FAILURES)[number];

/** A command has been carried out. */
export interface Acknowledged {
  /** The kind of message. */
  readonly kind: "acknowledged";
  /** The command's id. */
  readonly id: number;
  /** What was done. */
  readonly command: TrainerCommand;
  /** Steps done when the command was read. */
  readonly requestedAtStep: number;
  /** Steps done when it was carried out; what was trained up to here is saved. */
  readonly step: number;
}

/** The run has ended. */
export interface RunEnded {
  /** The kind of message. */
  readonly kind: "ended";
  /** How. */
  readonly end: RunEnd;
  /** Steps done. */
  readonly step: number;
  /** Folder of the newest checkpoint; null if there is none. */
  readonly checkpoint: string | null;
  /** Folder of the best checkpoint, where the run stopped early; else null. */
  readonly best: string | null;
}

/** The run has failed. */
export interface RunFailed {
  /** The kind of message. */
  readonly kind: "failed";
  /** Why. */
  readonly reason: RunFailure;
  /** In words. */
  readonly message: string;
}

/** The loss of a model was computed. */
export interface Evaluated {
  /** The kind of message. */
  readonly kind: "evaluated";
  /** Mean loss of the trained tokens. */
  readonly loss: number;
  /** SHA-256 of the data. */
  readonly datasetSha256: string;
  /** Tokens that the loss is the mean of. */
  readonly trainedTokens: number;
}

/** What only supervised trainers say. */
export type SupervisionMessage = Acknowledged | RunEnded | RunFailed | Evaluated;

/** Anything else a trainer says: events of the run. */
export interface RunMessage {
  /** The kind of message. */
  readonly kind: "event";
  /** The event. */
  readonly event: JsonObject;
}

const messages: {
  readonly [K in SupervisionMessage["kind"]]: FieldDecoders<
    Extract<SupervisionMessage, { kind: K }>
  >;
} = {
  acknowledged: {
    kind: oneOf(["acknowledged"]),
    id: integer(),
    command: oneOf(TRAINER_COMMANDS),
    requestedAtStep: integer(),
    step: integer(),
  },
  ended: {
    kind: oneOf(["ended"]),
    end: oneOf(RUN_ENDS),
    step: integer(),
    checkpoint: nullable(text()),
    best: nullable(text()),
  },
  failed: { kind: oneOf(["failed"]), reason: oneOf(RUN_FAILURES), message: text() },
  evaluated: {
    kind: oneOf(["evaluated"]),
    loss: number(),
    datasetSha256: text(),
    trainedTokens: integer(),
  },
};

const request = object<TrainerRequest>({ id: integer(), command: oneOf(TRAINER_COMMANDS) });

const COMMAND_SOURCE = "a command on standard input";
const MESSAGE_SOURCE = "what a trainer says";

/**
 * Decodes a line that a trainer read.
 *
 * @throws {UserError} If it is no command.
 */
export function parseTrainerRequest(line: string): TrainerRequest {
  return decode(request, parseJson(line, COMMAND_SOURCE), COMMAND_SOURCE);
}

/**
 * Decodes a line that a trainer wrote.
 *
 * @throws {UserError} If it is no message.
 */
export function parseTrainerMessage(line: string): SupervisionMessage | RunMessage {
  const json = decode(anyObject(), parseJson(line, MESSAGE_SOURCE), MESSAGE_SOURCE);
  const kind = json["kind"];
  if (typeof kind !== "string" || !isSupervision(kind)) return { kind: "event", event: json };
  return decode(object<SupervisionMessage>(messages[kind] as never), json, MESSAGE_SOURCE);
}

function isSupervision(kind: string): kind is SupervisionMessage["kind"] {
  return Object.hasOwn(messages, kind);
}
