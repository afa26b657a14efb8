/**
 * Checkpoints and what happens with them, as people read them.
 *
 * @module
 */

import type {
  RetentionAction,
  RetentionLine,
  RetentionPlan,
  StoredCheckpoint,
  StoredRun,
} from "../management/retention_manager.ts";
import { formatBytes } from "../utils/format.ts";
import { alignedRows } from "./aligned_rows.ts";
import { counted } from "./counted.ts";

const ACTION_WORDS: Readonly<Record<RetentionAction, string>> = {
  keep: "keep",
  drop_optimizer: "drop optimizer",
  delete: "delete",
};

/** Returns a line for each checkpoint. */
export function listLines(runs: readonly StoredRun[]): readonly string[] {
  const all = runs.flatMap(({ checkpoints }) => checkpoints);
  if (all.length === 0) return ["There are no checkpoints."];
  return [
    ...alignedRows([
      ["checkpoint", "saved", "size", "optimizer", "eval_loss", "notes"],
      ...all.map((each) => [
        each.id,
        timeOf(each),
        formatBytes(each.sizeBytes),
        each.stateBytes === 0 ? "dropped" : formatBytes(each.stateBytes),
        each.metrics["eval_loss"]?.toPrecision(4) ?? "",
        notesOf(each),
      ]),
    ]),
    `${counted(all.length, "checkpoint")}, ${
      formatBytes(all.reduce((sum, each) => sum + each.sizeBytes, 0))
    }`,
  ];
}

/** Returns what is known of a checkpoint, a line for each fact. */
export function describeCheckpoint(line: RetentionLine): readonly string[] {
  const { checkpoint, action, reasons } = line;
  const facts: readonly (readonly [string, string])[] = [
    ["checkpoint", checkpoint.id],
    ["path", checkpoint.path],
    ["saved", timeOf(checkpoint)],
    ["size", formatBytes(checkpoint.sizeBytes)],
    [
      "optimizer",
      checkpoint.stateBytes === 0
        ? "dropped: a run cannot go on from here"
        : formatBytes(checkpoint.stateBytes),
    ],
    ["state", checkpoint.damage === null ? "whole" : `damaged: ${checkpoint.damage}`],
    ...Object.entries(checkpoint.metrics).map(([name, value]) =>
      [name, String(Number(value.toPrecision(6)))] as const
    ),
    ["prune would", `${ACTION_WORDS[action]}: ${reasons.join("; ")}`],
  ];
  return alignedRows(facts);
}

/** Returns a line for each checkpoint with what happens to it and why, and one for the sum. */
export function planLines(
  { lines, totalBytes, named }: RetentionPlan,
  { dryRun }: { readonly dryRun: boolean },
): readonly string[] {
  if (lines.length === 0) return ["There are no checkpoints."];
  const count = lines.filter(({ action }) => action !== "keep").length;
  const freed = formatBytes(totalBytes.before - totalBytes.after);
  return [
    ...alignedRows(
      lines.filter(({ checkpoint: { id } }) => named?.includes(id) ?? true).map((
        { checkpoint, action, reasons },
      ) => [
        ACTION_WORDS[action],
        checkpoint.id,
        formatBytes(checkpoint.sizeBytes),
        reasons.join("; "),
      ]),
    ),
    `${dryRun ? "would free" : "freed"} ${freed} of ${
      formatBytes(totalBytes.before)
    } (${count} of ${lines.length} checkpoints)`,
  ];
}

function notesOf({ damage, holds }: StoredCheckpoint): string {
  const held = holds.map(({ kind, note }) => note === null ? kind : `${kind} (${note})`);
  return [...held, ...damage === null ? [] : [`damaged: ${damage}`]].join(", ");
}

function timeOf({ savedAtMs }: StoredCheckpoint): string {
  return new Date(savedAtMs).toISOString().replace(/\.\d+Z$/, "Z");
}
