/**
 * Golden prompts: what a model must find as likely on its host as it does here.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DeviceWish } from "../../engine/runtime/devices.ts";
import { loadModel } from "../../inference/generation/load_model.ts";
import type { LoadedModel } from "../../inference/generation/loaded_model.ts";
import { score } from "../../inference/generation/score.ts";
import type { WeightType } from "../../inference/generation/weight_types.ts";
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { array, decode, integer, number, object, readJsonFile } from "../../utils/json.ts";
import { createRandom } from "../../utils/random.ts";
import type { DeployedModel } from "./deployment.ts";

/** A prompt as token ids, with the log-probability of each but the first. */
export interface GoldenPrompt {
  /** Token ids. */
  readonly ids: readonly number[];
  /** Natural logarithms; one fewer than the ids. */
  readonly logprobs: readonly number[];
}

/** How far what a host says is from what was computed here. */
export interface GoldenDifference {
  /** In the mean over tokens. */
  readonly mean: number;
  /** At the token where it is farthest. */
  readonly max: number;
  /** How many tokens were compared. */
  readonly tokens: number;
}

/** Options of {@linkcode goldenPrompts}. */
export interface GoldenOptions {
  /** The form of the weights. */
  readonly weights: WeightType;
  /** Where to compute. @default {"auto"} */
  readonly device?: DeviceWish | undefined;
  /** CPU threads. @default {by the machine} */
  readonly threads?: number | undefined;
  /** Text file with a prompt in each line. @default {some prompts of the program's own} */
  readonly file?: string | null;
  /** Folder in which they are kept, by content. */
  readonly folder: string;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

/** How far the mean may be off where nothing else is said: what devices differ by, and a good deal more. */
export const TOLERANCES: Readonly<Record<WeightType, number>> = {
  f32: 0.002,
  f16: 0.01,
  int8: 0.05,
  int4: 0.1,
};

/** One token may be off by so many times the mean. */
const MAX_OF_MEAN = 10;

const TEXTS = [
  "Once upon a time there was a little house at the end of the road.",
  "The quick brown fox jumps over the lazy dog, and 17 + 25 = 42.",
  "def add(a, b):\n    return a + b\n",
];

/** Prompts of ids drawn at random, which need no tokenizer and reach all of the vocabulary. */
const RANDOM_PROMPTS = 3;
const MAX_TOKENS = 48;

const prompts = array(object<GoldenPrompt>({
  ids: array(integer({ min: 0 })),
  logprobs: array(number()),
}));

/**
 * Returns golden prompts of a model, computed here; those of a content are computed once.
 *
 * @throws {UserError} If it cannot be loaded.
 */
export async function goldenPrompts(
  model: DeployedModel,
  options: GoldenOptions,
): Promise<readonly GoldenPrompt[]> {
  const { weights, device = "auto", threads, file = null, folder, signal } = options;
  const texts = file === null ? TEXTS : await readLines(file);
  // what a file says may change: only those of the program's own are kept
  const path = join(folder, `${model.contentHash}-${weights}.json`);
  if (file === null && existsSync(path)) return decode(prompts, await readJsonFile(path), path);
  const { folder: base, adapter } = model;
  await using loaded = await loadModel(base, {
    ...{ device, weights },
    ...(adapter === null ? {} : { adapter }),
    ...(threads === undefined ? {} : { threads }),
  });
  const computed: GoldenPrompt[] = [];
  for (const ids of promptIds(loaded, texts)) {
    const scored = await score(loaded.decoder, ids, { signal });
    const logprobs = scored.slice(1).map((each) => each!.logprob);
    if (!logprobs.every(Number.isFinite)) {
      throw new UserError(
        `Cannot deploy "${model.name}": its log-probabilities are not finite; it is damaged or has diverged`,
      );
    }
    computed.push({ ids, logprobs });
  }
  if (file === null) {
    await Deno.mkdir(folder, { recursive: true });
    await writeFileAtomic(path, `${JSON.stringify(computed)}\n`);
  }
  return computed;
}

/** Returns how far log-probabilities that a host gave are from golden ones. */
export function goldenDifference(
  golden: readonly GoldenPrompt[],
  given: readonly (readonly (number | null)[])[],
): GoldenDifference {
  let [sum, max, tokens] = [0, 0, 0];
  for (const [i, { logprobs }] of golden.entries()) {
    for (const [at, expected] of logprobs.entries()) {
      const difference = Math.abs((given[i]?.[at + 1] ?? NaN) - expected);
      sum += difference;
      max = Number.isNaN(difference) ? NaN : Math.max(max, difference);
      tokens++;
    }
  }
  return { mean: sum / tokens, max, tokens };
}

/** Whether a difference is small enough; what is missing or no number is not. */
export function isWithin(
  { mean, max }: GoldenDifference,
  { tolerance }: { readonly tolerance: number },
): boolean {
  return mean <= tolerance && max <= tolerance * MAX_OF_MEAN;
}

function promptIds(
  { tokenizer, decoder: { vocabSize, maxPositions } }: LoadedModel,
  texts: readonly string[],
): readonly (readonly number[])[] {
  const length = Math.min(MAX_TOKENS, maxPositions);
  const random = createRandom(20_240_817);
  const drawn = Array.from(
    { length: RANDOM_PROMPTS },
    () => Array.from({ length: Math.min(24, length) }, () => random.integer(vocabSize)),
  );
  const read = tokenizer === undefined
    ? []
    : texts.map((text) => tokenizer.encode(text).slice(0, length));
  return [...read, ...drawn].filter((ids) => ids.length > 1);
}

async function readLines(path: string): Promise<readonly string[]> {
  try {
    const lines = (await Deno.readTextFile(path)).split(/\r?\n/).filter((line) => line !== "");
    if (lines.length > 0) return lines;
  } catch (error) {
    throw fileError("read", path, error);
  }
  throw new UserError(`Cannot verify by "${path}": it holds no prompt`);
}
