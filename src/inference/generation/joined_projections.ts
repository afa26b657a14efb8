/**
 * Which linear layers of a model multiply the same thing, so that one product can serve them together.
 *
 * @module
 */

import type { Projection } from "../../models/language_model.ts";

/** Ends of names of layers that read the same: to cut their product apart costs less than to compute several. */
const TOGETHER: readonly (readonly string[])[] = [
  ["q_proj", "k_proj", "v_proj"],
  ["gate_proj", "up_proj"],
];

/** Returns `projections` in groups of those that read the same, most of them alone. */
export function joinedProjections(projections: readonly Projection[]): Projection[][] {
  const byName = new Map(projections.map((projection) => [projection.name, projection]));
  const groups: Projection[][] = [];
  const placed = new Set<string>();
  for (const projection of projections) {
    if (placed.has(projection.name)) continue;
    const end = projection.name.lastIndexOf(".") + 1;
    const [prefix, last] = [projection.name.slice(0, end), projection.name.slice(end)];
    const ends = TOGETHER.find((names) => names.includes(last)) ?? [last];
    const group = ends.map((name) => byName.get(prefix + name));
    const whole = group.every((each) =>
      each?.inFeatures === projection.inFeatures && each.biased === projection.biased
    );
    const joined = whole ? group as Projection[] : [projection];
    for (const { name } of joined) placed.add(name);
    groups.push(joined);
  }
  return groups;
}
