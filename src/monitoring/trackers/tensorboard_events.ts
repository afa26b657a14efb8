/**
 * The events that TensorBoard reads, as protocol buffers: scalars, texts, hyperparameters and the marks of sessions.
 *
 * @module
 */

import { decodeMessage, encodeMessage, type ProtoField } from "./protobuf.ts";
import type { PlainValue } from "../runs/flatten.ts";
import type { RunOutcome } from "./tracker.ts";

/** When something was, and after how many steps. */
export interface EventMoment {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** Steps done. */
  readonly step: number;
}

/** What a file of events begins with. */
export function versionEvent(moment: EventMoment): Uint8Array {
  return event(moment, [3, "text", "brain.Event:2"]);
}

/** Says that events of this step and later ones, in files before, are superseded. */
export function restartEvent(moment: EventMoment): Uint8Array {
  const start = 1;
  return event(moment, [7, "bytes", encodeMessage([[1, "varint", start]])]);
}

/** Numbers by their tags. */
export function scalarsEvent(
  moment: EventMoment,
  scalars: readonly (readonly [tag: string, value: number])[],
): Uint8Array {
  return summaryEvent(
    moment,
    scalars.map(([tag, value]) => [[1, "text", tag], [2, "float", value]]),
  );
}

/** A text in Markdown. */
export function textEvent(
  moment: EventMoment,
  { tag, text }: { readonly tag: string; readonly text: string },
): Uint8Array {
  const dataClassTensor = 2;
  const metadata = encodeMessage([
    [1, "bytes", encodeMessage([[1, "text", "text"]])],
    [4, "varint", dataClassTensor],
  ]);
  const dtypeString = 7;
  const shape = encodeMessage([[2, "bytes", encodeMessage([[1, "varint", 1]])]]);
  const tensor = encodeMessage([
    [1, "varint", dtypeString],
    [2, "bytes", shape],
    [8, "text", text],
  ]);
  return summaryEvent(moment, [[[1, "text", tag], [9, "bytes", metadata], [8, "bytes", tensor]]]);
}

/** The settings of a run, for the page of hyperparameters. */
export function hparamsEvent(
  moment: EventMoment,
  { group, parameters }: {
    readonly group: string;
    readonly parameters: ReadonlyMap<string, PlainValue>;
  },
): Uint8Array {
  const entries = [...parameters].flatMap(([key, value]): ProtoField[] => {
    const encoded = encodeValue(value);
    return encoded === undefined
      ? []
      : [[1, "bytes", encodeMessage([[1, "text", key], [2, "bytes", encoded]])]];
  });
  const start = encodeMessage([
    ...entries,
    [4, "text", group],
    [5, "double", moment.timeMs / 1000],
  ]);
  return hparamsSummary(moment, { tag: "_hparams_/session_start_info", field: 3, content: start });
}

/** How a run ended, for the page of hyperparameters. */
export function endEvent(moment: EventMoment, outcome: RunOutcome): Uint8Array {
  const end = encodeMessage([
    [1, "varint", STATUS[outcome]],
    [2, "double", moment.timeMs / 1000],
  ]);
  return hparamsSummary(moment, { tag: "_hparams_/session_end_info", field: 4, content: end });
}

/** `tensorboard.hparams.Status`. */
const STATUS: Readonly<Record<RunOutcome, number>> = { finished: 1, failed: 2, interrupted: 0 };

/** What of an event tells where a run stands. */
export interface ReadEvent {
  /** Steps done. */
  readonly step: number;
  /** Tags of what it shows. */
  readonly tags: readonly string[];
}

/** Reads an event. */
export function readEvent(bytes: Uint8Array): ReadEvent {
  let step = 0;
  const tags: string[] = [];
  for (const { number, value } of decodeMessage(bytes)) {
    if (number === 2 && typeof value === "number") step = value;
    if (number !== 5 || typeof value === "number") continue;
    for (const { value: each } of decodeMessage(value)) {
      if (typeof each === "number") continue;
      for (const field of decodeMessage(each)) {
        if (field.number !== 1 || typeof field.value === "number") continue;
        tags.push(new TextDecoder().decode(field.value));
      }
    }
  }
  return { step, tags };
}

function event({ timeMs, step }: EventMoment, what: ProtoField): Uint8Array {
  return encodeMessage([[1, "double", timeMs / 1000], [2, "varint", step], what]);
}

function summaryEvent(
  moment: EventMoment,
  values: readonly (readonly ProtoField[])[],
): Uint8Array {
  const summary = values.map((value): ProtoField => [1, "bytes", encodeMessage(value)]);
  return event(moment, [5, "bytes", encodeMessage(summary)]);
}

function hparamsSummary(
  moment: EventMoment,
  { tag, field, content }: {
    readonly tag: string;
    readonly field: number;
    readonly content: Uint8Array;
  },
): Uint8Array {
  const plugin = encodeMessage([
    [1, "text", "hparams"],
    [2, "bytes", encodeMessage([[field, "bytes", content]])],
  ]);
  const dtypeFloat = 1;
  const empty = encodeMessage([[2, "bytes", encodeMessage([[1, "varint", 0]])]]);
  const tensor = encodeMessage([[1, "varint", dtypeFloat], [2, "bytes", empty]]);
  return summaryEvent(moment, [[
    [1, "text", tag],
    [9, "bytes", encodeMessage([[1, "bytes", plugin]])],
    [8, "bytes", tensor],
  ]]);
}

/** `google.protobuf.Value`; there is none for what is not set. */
function encodeValue(value: PlainValue): Uint8Array | undefined {
  switch (typeof value) {
    case "number":
      return encodeMessage([[2, "double", value]]);
    case "string":
      return encodeMessage([[3, "text", value]]);
    case "boolean":
      return encodeMessage([[4, "varint", value ? 1 : 0]]);
    default:
      return undefined;
  }
}
