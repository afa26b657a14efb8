/**
 * What was measured of a run's checkpoints.
 *
 * @module
 */

import { join } from "node:path";
import { fileError } from "../../utils/file_error.ts";

/** Files with one JSON object a line, each with the `step` that its numbers are of. */
const METRIC_FILES = ["metrics.jsonl", "evaluations.jsonl"] as const;

/** Numbers by name, by step. */
export type RunMetrics = ReadonlyMap<number, Readonly<Record<string, number>>>;

/**
 * Reads every number that is noted of the steps `wanted`. Lines that a kill cut off or that are no JSON are passed
 * over; what a later line says of a step counts.
 */
export async function readRunMetrics(
  runFolder: string,
  wanted: ReadonlySet<number>,
): Promise<RunMetrics> {
  const found = new Map<number, Record<string, number>>();
  for (const name of METRIC_FILES) {
    for (const line of await linesOf(join(runFolder, name))) {
      const values = parseLine(line);
      const step = values?.["step"];
      if (values === undefined || typeof step !== "number" || !wanted.has(step)) continue;
      const numbers = Object.entries(values).filter((entry): entry is [string, number] =>
        entry[0] !== "step" && typeof entry[1] === "number" && Number.isFinite(entry[1])
      );
      found.set(step, { ...found.get(step), ...Object.fromEntries(numbers) });
    }
  }
  return found;
}

async function linesOf(path: string): Promise<readonly string[]> {
  try {
    return (await Deno.readTextFile(path)).split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw fileError("read", path, error);
  }
}

function parseLine(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Readonly<Record<string, unknown>>
      : undefined;
  } catch {
    return undefined;
  }
}
