/**
 * Pairs the results of two evaluations item by item.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import type { Evaluation, ItemResult } from "../evaluation/evaluation.ts";
import type { TaskMetric } from "../evaluation/task.ts";

/** The two results of an item. */
export interface ItemPair {
  /** That of the candidate. */
  readonly candidate: ItemResult;
  /** That of the reference. */
  readonly reference: ItemResult;
}

/** Two evaluations item by item. */
export interface PairedItems {
  /** The metric that is compared. */
  readonly metric: TaskMetric;
  /** Items with an answer of both. */
  readonly pairs: readonly ItemPair[];
  /** Items of which at least one has no answer. */
  readonly errors: number;
}

/**
 * Pairs items.
 *
 * @throws {UserError} If the two are not of the same task and items, or no item has an answer of both.
 */
export function pairItems(
  candidate: Evaluation,
  reference: Evaluation,
  wanted?: string | undefined,
): PairedItems {
  const names = `"${candidate.model.id}" and "${reference.model.id}"`;
  if (candidate.task.hash !== reference.task.hash) {
    throw new UserError(
      `Cannot compare ${names}: they were evaluated on different items, ${nameOf(candidate)} and ${
        nameOf(reference)
      }; evaluate both on the same task`,
    );
  }
  const { metrics, name } = reference.task;
  const metric = wanted === undefined ? metrics[0] : metrics.find((each) => each.name === wanted);
  if (metric === undefined) {
    throw new UserError(
      `Cannot compare by "${wanted}": task "${name}" has ${
        metrics.map((it) => it.name).join(", ")
      }`,
    );
  }
  const byId = new Map(reference.results.map((result) => [result.id, result]));
  const pairs = candidate.results.flatMap((result): ItemPair[] => {
    const other = byId.get(result.id);
    if (other === undefined || result.outcome === "error" || other.outcome === "error") return [];
    return [{ candidate: result, reference: other }];
  });
  if (pairs.length === 0) {
    throw new UserError(`Cannot compare ${names}: no item of "${name}" has an answer of both`);
  }
  return { metric, pairs, errors: reference.results.length - pairs.length };
}

function nameOf({ task }: Evaluation): string {
  return `${task.name} (${task.hash})`;
}
