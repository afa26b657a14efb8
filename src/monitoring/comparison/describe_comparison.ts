/**
 * A verdict with its numbers, in a sentence.
 *
 * @module
 */

import type { Comparison } from "./comparison.ts";

/** Describes a comparison. */
export function describeComparison(comparison: Omit<Comparison, "summary">): string {
  const { candidate, reference, metric, difference, interval, confidence, verdict } = comparison;
  const { correctedPValue, n, minimumEffect, detectableEffect } = comparison;
  const numbers = `${metric} ${candidate.value.toFixed(4)} beside ${reference.value.toFixed(4)}, ` +
    `difference ${signed(difference)} [${signed(interval[0])}, ${signed(interval[1])}] at ${
      Number((100 * confidence).toFixed(1))
    } %, p = ${correctedPValue.toPrecision(2)}, ${n} items`;
  switch (verdict) {
    case "better":
    case "worse":
      return `"${candidate.id}" is ${verdict} than "${reference.id}": ${numbers}`;
    case "no-evidence": {
      const effect = Math.max(detectableEffect, minimumEffect);
      const hint = Number.isFinite(effect)
        ? `; a difference of ${effect.toFixed(4)} would show`
        : "";
      return `no evidence that "${candidate.id}" and "${reference.id}" differ: ${numbers}${hint}`;
    }
  }
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
}
