/**
 * Checkpoints and what happens with them, as JSON.
 *
 * @module
 */

import type {
  RetentionFailure,
  RetentionPlan,
  StoredCheckpoint,
} from "../management/retention_manager.ts";
import type { JsonObject } from "../utils/json.ts";

/** Returns a checkpoint as JSON. */
export function checkpointJson(checkpoint: StoredCheckpoint): JsonObject {
  const { id, run, step, path, savedAtMs, sizeBytes, stateBytes, damage, metrics, holds } =
    checkpoint;
  return {
    id,
    run,
    step,
    path,
    saved_at: new Date(savedAtMs).toISOString(),
    size_bytes: sizeBytes,
    optimizer_bytes: stateBytes,
    resumable: damage === null && stateBytes > 0,
    damage,
    metrics,
    holds,
    pinned: holds.some(({ kind }) => kind === "pinned"),
  };
}

/** Returns a plan as JSON. */
export function planJson(
  { lines, totalBytes, stateBytes, unmet }: RetentionPlan,
  { dryRun, failures }: {
    readonly dryRun: boolean;
    readonly failures: readonly RetentionFailure[];
  },
): JsonObject {
  return {
    dry_run: dryRun,
    checkpoints: lines.map(({ checkpoint, action, reasons, protections, freedBytes }) => ({
      ...checkpointJson(checkpoint),
      action,
      reasons,
      protected_by: [...new Set(protections.map(({ kind }) => kind))],
      freed_bytes: freedBytes,
    })),
    size_bytes: totalBytes,
    optimizer_bytes: stateBytes,
    freed_bytes: totalBytes.before - totalBytes.after,
    unmet,
    failures,
  };
}
