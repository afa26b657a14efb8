/**
 * PyPI's lm-eval, where it is there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { HARNESS_PYTHON } from "../../harness.ts";
import type { ItemResult } from "../../../src/monitoring/evaluation/evaluation.ts";

const MAKER = fileURLToPath(new URL("lm_eval_golden.py", import.meta.url));

/** What lm-eval says of an item, once for each filter. */
export interface LmEvalSample {
  readonly index: number;
  readonly filter: string;
  readonly prompt: string;
  readonly response: string | null;
  readonly logprobs: readonly number[] | null;
  readonly acc?: number;
  readonly acc_norm?: number;
  readonly exact_match?: number;
}

/** What to evaluate. */
export interface LmEvalOptions {
  /** The model's folder. */
  readonly model: string;
  /** File of the task's description. */
  readonly task: string;
  /** The server that runs the model. */
  readonly url: string;
  /** The model's name there. */
  readonly name: string;
  /** Further arguments. */
  readonly args?: readonly string[];
}

/** Lets lm-eval evaluate a model that a server runs. */
export async function lmEval(options: LmEvalOptions): Promise<readonly LmEvalSample[]> {
  const { model, task, url, name, args = [] } = options;
  const output = await new Deno.Command(HARNESS_PYTHON!, {
    args: [MAKER, model, task, "--url", `${url}/v1/completions`, "--name", name, ...args],
  }).output();
  const text = new TextDecoder().decode(output.stdout);
  const line = text.split("\n").find((each) => each.startsWith("RESULT "));
  assert.ok(line, new TextDecoder().decode(output.stderr));
  return JSON.parse(line.slice("RESULT ".length));
}

/** Fails if we say something else than lm-eval of an item. */
export function assertSame(
  results: readonly ItemResult[],
  samples: readonly LmEvalSample[],
  { comparesPrompts }: { readonly comparesPrompts: boolean },
): void {
  for (const sample of samples) {
    const result = results[sample.index]!;
    // of conversations lm-eval shows the form that the model's template gives them
    if (comparesPrompts) assert.equal(result.prompt, sample.prompt);
    const suffix = sample.exact_match === undefined ? "" : `,${sample.filter}`;
    for (const metric of ["acc", "acc_norm", "exact_match"] as const) {
      const wanted = sample[metric];
      if (wanted !== undefined) assert.equal(result.scores[metric + suffix], wanted);
    }
    if (sample.response !== null) assert.equal(result.output, sample.response);
    sample.logprobs?.forEach((logprob, i) => {
      assert.ok(
        Math.abs(logprob - result.logprobs![i]!) < 1e-3,
        `choice ${i} of ${sample.index}: ${result.logprobs} and ${sample.logprobs}`,
      );
    });
  }
}
