/**
 * A training run in a process of its own: the memory that it said it would take, and what it took.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../temporary_folder.ts";

/** A run: its model, the shape of its micro-batches and further flags. */
export interface MeasuredRun {
  /** What `--model` is given. */
  readonly model: string;
  /** Rows of a micro-batch. */
  readonly batchSize: number;
  /** Tokens of each row. */
  readonly seqLen: number;
  /** Where it runs. */
  readonly device: string;
  /** Further flags. */
  readonly flags?: readonly string[];
}

/** What was said and what was measured, in bytes. */
export interface MeasuredMemory {
  /** What the run said it would take. */
  readonly estimate: number;
  /** What it took at its peak. */
  readonly peak: number;
}

/** Steps of a run: the second one has everything in memory that later ones have. */
const STEPS = 2;

/** Token ids stay below this, which every vocabulary has. */
const MAX_ID = 500;

/** Trains for a few steps on rows of exactly `seqLen` tokens. Works on Linux, which tells a process's peak. */
export async function measureMemory(run: MeasuredRun): Promise<MeasuredMemory> {
  const { model, batchSize, seqLen, device, flags = [] } = run;
  await using folder = await temporaryFolder();
  const dataset = join(folder.path, "data.jsonl");
  const ids = Array.from({ length: seqLen }, (_, i) => (i * 7 + 3) % MAX_ID);
  const row = JSON.stringify({ input_ids: ids, labels: ids });
  await Deno.writeTextFile(dataset, `${row}\n`.repeat(8 * batchSize));
  const program = fileURLToPath(new URL("preflight_run.ts", import.meta.url));
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--allow-all", "--config", config, program],
      ...["train", "--json", "--dataset", dataset, "--model", model, "--device", device],
      ...["--batch-size", `${batchSize}`, "--max-steps", `${STEPS}`, "--threads", "2"],
      ...["--output", join(folder.path, "run"), ...flags],
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const events = new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  const planned = events.find(({ kind }) => kind === "planned");
  const { peakBytes } = events.find(({ kind }) => kind === "peak");
  return { estimate: planned.plan.memory.total, peak: peakBytes };
}
