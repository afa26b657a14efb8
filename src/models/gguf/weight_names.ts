/**
 * From the name of a weight in one format to its name in the other.
 *
 * @module
 */

import {
  ARCHITECTURE_TABLE,
  type GgufArchitectureName,
  type GgufModule,
  type WeightTransform,
} from "./architectures.ts";

/** A weight as both formats know it. */
export interface MappedWeight {
  /** Its name in Hugging Face folders. */
  readonly hub: string;
  /** Its name in GGUF files. */
  readonly gguf: string;
  /** What is done to it on the way into a GGUF file. */
  readonly transform: WeightTransform;
}

/** Finds the weight that one format calls `name`; `undefined` if the architecture has none. */
export function findWeight(
  architecture: GgufArchitectureName,
  place: { readonly hub: string } | { readonly gguf: string },
): MappedWeight | undefined {
  const [format, name] = "hub" in place
    ? ["hub", place.hub] as const
    : ["gguf", place.gguf] as const;
  const [, moduleName, kind] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  if (moduleName === undefined || kind === undefined) return undefined;
  const layer = /\.(\d+)\./.exec(moduleName)?.[1];
  const pattern = layer === undefined ? moduleName : moduleName.replace(`.${layer}.`, ".{i}.");
  const found = ARCHITECTURE_TABLE[architecture].modules.find((it) => it[format] === pattern);
  if (found === undefined) return undefined;
  const spelled = (pattern: string): string => `${pattern.replace("{i}", layer ?? "")}.${kind}`;
  return {
    hub: spelled(found.hub),
    gguf: spelled(found.gguf),
    transform: transformOf(found, kind),
  };
}

function transformOf(module: GgufModule, kind: string): WeightTransform {
  return (kind === "weight" ? module.weight : module.bias) ?? "none";
}
