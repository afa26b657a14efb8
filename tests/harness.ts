/**
 * A Python with programs that ask servers and judge the answers, where it is there.
 *
 * @module
 */

/** Names a Python with lm-eval, `transformers` (torch is not needed) and schemathesis. */
export const HARNESS_VARIABLE = "LLM_TRAINING_HARNESS";

/** The interpreter, if there is one. */
export const HARNESS_PYTHON: string | undefined = Deno.env.get(HARNESS_VARIABLE);
