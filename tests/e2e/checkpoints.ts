/**
 * What a run has left on disk.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { openCheckpoint } from "../../src/models/checkpoint/open.ts";
import { checkpointsFolder, listCheckpoints } from "../../src/models/checkpoint/list.ts";

/** Checks every file of every checkpoint in a run, and that nothing else is there; returns how many there are. */
export async function assertOnlyWholeCheckpoints(run: string): Promise<number> {
  const found = await listCheckpoints(run);
  for (const { path } of found) (await openCheckpoint(path)).close();
  const names = await Array.fromAsync(Deno.readDir(checkpointsFolder(run)), ({ name }) => name);
  assert.equal(names.length, found.length, `there is more than checkpoints: ${names}`);
  return found.length;
}

/** Returns the bytes of the newest checkpoint's weights. */
export async function newestWeights(run: string): Promise<Uint8Array> {
  const newest = (await listCheckpoints(run)).at(-1);
  assert.ok(newest !== undefined, `no checkpoint in ${run}`);
  return await Deno.readFile(join(newest.path, "model.safetensors"));
}

/** Returns the bytes of the state of the newest checkpoint's optimizer. */
export async function newestOptimizer(run: string): Promise<Uint8Array> {
  const newest = (await listCheckpoints(run)).at(-1);
  assert.ok(newest !== undefined, `no checkpoint in ${run}`);
  return await Deno.readFile(join(newest.path, "optimizer.safetensors"));
}

/** Reads `metrics.jsonl` without times, speeds and memory, which differ from run to run. */
export async function readMetrics(run: string): Promise<unknown[]> {
  const lines = (await Deno.readTextFile(join(run, "metrics.jsonl"))).trimEnd().split("\n");
  return lines.map((line) => {
    const { time: _, tokens_per_second: __, memory_bytes: ___, ...metrics } = JSON.parse(line);
    return metrics;
  });
}
