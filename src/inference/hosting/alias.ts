/**
 * Aliases: names that clients use and that point at models.
 *
 * @module
 */

import { type Canary, CANARY_DEFAULTS, type CanarySettings } from "./canary.ts";
import { HostError } from "./host_error.ts";
import type { RetiredAlias } from "./host_state.ts";

/** An alias as it is kept. */
export interface AliasRecord {
  /** The name that clients use. */
  readonly alias: string;
  /** The model that it points at. */
  readonly model: string;
  /** The model that it pointed at before. */
  readonly previous: string | null;
  /** How often it was changed. */
  readonly revision: number;
  /** The highest epoch of those who changed it; 0 before anybody had one. */
  readonly epoch: number;
  /** A model on trial, and why it gets no requests. */
  readonly canary: (CanarySettings & { readonly stopped: string | null }) | null;
}

/** An alias while it is served. */
export interface LiveAlias {
  /** What is kept of it. */
  readonly record: AliasRecord;
  /** The trial of its canary. */
  readonly canary: Canary | undefined;
}

/** What an alias is to be. */
export interface AliasChange {
  /** The model that it points at. */
  readonly model: string;
  /** A model on trial; `null` ends a trial, as leaving it out does. */
  readonly canary?:
    | (Pick<CanarySettings, "model" | "share"> & Partial<CanarySettings>)
    | null
    | undefined;
  /** The revision that it has now, 0 if it is not there; refused if it has another. */
  readonly expectedRevision?: number | undefined;
  /** Whose turn it is to change it: refused if somebody of a higher epoch has changed it. */
  readonly epoch?: number | undefined;
}

/** Returns what becomes of an alias, or of one that was removed. */
export function changedAlias(
  alias: string,
  change: AliasChange,
  before: AliasRecord | RetiredAlias | undefined,
): AliasRecord {
  const { model, canary } = change;
  const current = before !== undefined && "model" in before ? before : undefined;
  return {
    alias,
    model,
    previous: current === undefined || current.model === model
      ? current?.previous ?? null
      : current.model,
    revision: (before?.revision ?? 0) + 1,
    epoch: Math.max(change.epoch ?? 0, before?.epoch ?? 0),
    canary: canary === null || canary === undefined
      ? null
      : { ...CANARY_DEFAULTS, ...definedOf(canary), stopped: null },
  };
}

/**
 * Refuses a change by somebody who has not seen the last one, or whose turn it is not.
 *
 * @throws {HostError} If it is refused.
 */
export function checkTurn(
  alias: string,
  { expectedRevision, epoch }: Pick<AliasChange, "expectedRevision" | "epoch">,
  current: Pick<AliasRecord, "revision" | "epoch"> | undefined,
): void {
  if (epoch !== undefined && current !== undefined && epoch < current.epoch) {
    throw new HostError(
      "stale_epoch",
      `Cannot change alias "${alias}" in epoch ${epoch}: it was changed in epoch ${current.epoch}`,
      { param: "epoch" },
    );
  }
  const revision = current?.revision ?? 0;
  if (expectedRevision !== undefined && expectedRevision !== revision) {
    throw new HostError(
      "revision_mismatch",
      `Cannot change alias "${alias}" of revision ${expectedRevision}: it has revision ${revision}`,
      { param: "expected_revision" },
    );
  }
}

function definedOf<T extends object>(fields: T): T {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as T;
}
