/**
 * What transformers.js is to do, and what comes of it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** Something to generate, greedily, or to read. */
export interface Job {
  /** Name of a folder of models. */
  readonly model: string;
  /** Variant, as transformers.js names it. @default {the folder's own} */
  readonly dtype?: string;
  /** A prompt. */
  readonly ids?: readonly number[];
  /** A prompt. */
  readonly text?: string;
  /** A prompt. */
  readonly messages?: readonly unknown[];
  /** Tokens to generate. */
  readonly maxNewTokens?: number;
  /** What is only read. */
  readonly lossText?: string;
}

/** What a job makes. */
export interface Made {
  /** New tokens. */
  readonly ids?: readonly number[];
  /** Their text. */
  readonly text?: string;
  /** Mean loss per token of `lossText`. */
  readonly loss?: number;
}

/** Options of {@linkcode generateInNode}. */
export interface NodeOptions {
  /** Folder with the npm packages. */
  readonly packages: string;
  /** Folder with models. */
  readonly models: string;
}

/** Runs jobs in Node. */
export async function generateInNode(
  jobs: readonly Job[],
  { packages, models }: NodeOptions,
): Promise<readonly Made[]> {
  const script = fileURLToPath(new URL("generate.mjs", import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command("node", {
    args: [script, packages, models, JSON.stringify(jobs)],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}
