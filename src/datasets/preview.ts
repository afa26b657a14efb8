/**
 * Rows as a person reads them, with what is trained told apart.
 *
 * @module
 */

import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import { encodeRow, type Example } from "./encode.ts";
import { IGNORED_LABEL } from "./labels.ts";
import type { Row, RowPlace } from "./row.ts";
import type { TrainOn } from "./train_on.ts";

/** A stretch of a row. */
export interface Segment {
  /** What it says. */
  readonly text: string;
  /** Whether it is trained. */
  readonly trained: boolean;
}

/**
 * Returns a row as a model will see it, special tokens included.
 *
 * @throws {UserError} If the tokenizer cannot read it.
 */
export function renderedSegments(
  row: Row,
  { tokenizer, place, trainOn }: {
    readonly tokenizer: Tokenizer;
    readonly place: RowPlace;
    readonly trainOn?: TrainOn | undefined;
  },
): Segment[] {
  const { examples } = encodeRow(row, {
    tokenizer,
    place,
    trainOn,
    maxLength: Number.MAX_SAFE_INTEGER,
  });
  return examples.flatMap((example) => decodedSegments(example, tokenizer));
}

/** Returns a row as the file has it. */
export function sourceSegments(row: Row): Segment[] {
  switch (row.kind) {
    case "tokens":
      return stretches(row).map(({ start, end, trained }) => ({
        text: `${start > 0 ? " " : ""}${row.inputIds.subarray(start, end).join(" ")}`,
        trained,
      }));
    case "messages":
      return row.messages.flatMap(({ role, content, tool_calls }, i) => [
        { text: `${i > 0 ? "\n" : ""}${role}: `, trained: false },
        {
          text: `${content}${tool_calls === undefined ? "" : JSON.stringify(tool_calls)}`,
          trained: role === "assistant",
        },
      ]);
    case "completion":
      return [{ text: row.prompt, trained: false }, { text: row.completion, trained: true }];
    case "text":
      return [{ text: row.text, trained: true }];
  }
}

/** Each stretch is decoded after all that precedes it, because some tokenizers trim what comes first. */
function decodedSegments(example: Example, tokenizer: Tokenizer): Segment[] {
  const ids = [...example.inputIds];
  const textUntil = (end: number) =>
    tokenizer.decode(ids.slice(0, end), { skipSpecialTokens: false });
  let before = "";
  return stretches(example).map(({ end, trained }) => {
    const until = textUntil(end);
    const text = until.slice(before.length);
    before = until;
    return { text, trained };
  });
}

interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly trained: boolean;
}

function stretches({ labels }: Example): Stretch[] {
  const isTrained = (i: number) => i > 0 && labels[i] !== IGNORED_LABEL;
  const found: Stretch[] = [];
  let start = 0;
  for (let i = 1; i <= labels.length; i++) {
    if (i < labels.length && isTrained(i) === isTrained(start)) continue;
    found.push({ start, end: i, trained: isTrained(start) });
    start = i;
  }
  return found;
}
