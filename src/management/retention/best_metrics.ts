/**
 * The metrics by which checkpoints are called the best, and which way is better.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";

/** A metric, and which way is better. */
export interface BestMetric {
  /** Its name in the metrics of a run. */
  readonly name: string;
  /** Whether lower is better, or higher. */
  readonly better: "min" | "max";
}

/** Parts of names by which a metric is known to be better when it is lower. */
const LOWER = /loss|perplexity|ppl|error|(?:^|_)(?:nll|mse|mae|rmse|wer|cer|bpb|bpc)(?:_|$)/i;

/** Parts of names by which a metric is known to be better when it is higher. */
const HIGHER =
  /acc|score|reward|precision|recall|bleu|rouge|meteor|pass|win|solved|correct|match|(?:^|_)(?:f1|em|auc|r2)(?:_|$)/i;

/**
 * Reads metrics as settings write them: `eval_loss`, `accuracy:max`.
 *
 * @throws {UserError} If neither the name nor what follows it tells which way is better.
 */
export function parseBestMetrics(texts: readonly string[]): readonly BestMetric[] {
  return texts.map((text) => {
    const [, name = text, direction] = /^(.+?)(?::(min|max))?$/.exec(text) ?? [];
    const better = direction ?? directionOf(name);
    if (better === "min" || better === "max") return { name, better };
    throw new UserError(
      `Cannot tell whether "${name}" is better when it is lower or higher: write "${name}:min" or "${name}:max" in bestMetrics`,
    );
  });
}

function directionOf(name: string): BestMetric["better"] | undefined {
  const [isLower, isHigher] = [LOWER.test(name), HIGHER.test(name)];
  if (isLower === isHigher) return undefined;
  return isLower ? "min" : "max";
}
