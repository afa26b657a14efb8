/**
 * Which linear layers of a model an adapter attaches to, by PEFT's rules.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import type { LanguageModel, Projection } from "../language_model.ts";
import { ALL_LINEAR, type LoraConfig, type ModuleSelection } from "./lora_config.ts";

/** A linear layer with what an adapter adds to it. */
export interface LoraTarget {
  /** The layer. */
  readonly projection: Projection;
  /** Width of the bottleneck. */
  readonly rank: number;
  /** Factor of the update. */
  readonly scale: number;
}

/**
 * Returns the linear layers that `config` adapts, in the model's order.
 *
 * @throws {UserError} If there is none, or a name is no linear layer's.
 */
export function loraTargets(model: LanguageModel, config: LoraConfig): LoraTarget[] {
  refuseUnknownNames(model, config.targetModules);
  const targets = model.projections.filter(({ name }) => isTarget(name, config));
  if (targets.length === 0) {
    throw new UserError(
      `Cannot adapt a ${model.modelType}: no linear layer is meant by ${
        JSON.stringify(config.targetModules)
      }; it has ${layerNames(model).join(", ")}`,
    );
  }
  return targets.map((projection) => {
    const rank = byPattern(config.rankPattern, projection.name) ?? config.rank;
    const alpha = byPattern(config.alphaPattern, projection.name) ?? config.alpha;
    return { projection, rank, scale: alpha / (config.useRslora ? Math.sqrt(rank) : rank) };
  });
}

/** Returns `config` with its targets by name, as PEFT saves them. */
export function withNamedTargets(model: LanguageModel, config: LoraConfig): LoraConfig {
  return config.targetModules === ALL_LINEAR
    ? { ...config, targetModules: layerNames(model) }
    : config;
}

function isTarget(name: string, config: LoraConfig): boolean {
  const { targetModules, excludeModules, modulesToSave } = config;
  if (excludeModules !== null && isSelected(name, excludeModules)) return false;
  if (modulesToSave.some((module) => new RegExp(`(^|\\.)${module}($|\\.)`).test(name))) {
    return false;
  }
  if (targetModules === ALL_LINEAR) return isInLayers(name, config);
  if (!isSelected(name, targetModules)) return false;
  // A full name or a pattern says all there is to say of layers.
  if (typeof targetModules === "string" || targetModules.includes(name)) return true;
  return isInLayers(name, config);
}

function isSelected(name: string, selection: ModuleSelection): boolean {
  if (typeof selection === "string") return new RegExp(`^(?:${selection})$`).test(name);
  return selection.some((end) => name === end || name.endsWith(`.${end}`));
}

function isInLayers(name: string, { layersToTransform, layersPattern }: LoraConfig): boolean {
  if (layersToTransform === null || layersToTransform.length === 0) return true;
  const lists = layersPattern.length > 0 ? layersPattern : ["[^.]*"];
  const found = lists.map((list) => new RegExp(`.*\\.${list}\\.(\\d+)\\.`).exec(name)?.[1])
    .find((layer) => layer !== undefined);
  return found !== undefined && layersToTransform.includes(Number(found));
}

function byPattern(pattern: Readonly<Record<string, number>>, name: string): number | undefined {
  const key = Object.keys(pattern).find((key) => new RegExp(`^(.*\\.)?(${key})$`).test(name));
  return key === undefined ? undefined : pattern[key];
}

/** Names given one by one must all exist: a misspelt one would silently train less. */
function refuseUnknownNames(model: LanguageModel, selection: ModuleSelection): void {
  if (typeof selection === "string") {
    try {
      new RegExp(selection);
    } catch (cause) {
      throw new UserError(`Cannot adapt: ${JSON.stringify(selection)} is no pattern`, { cause });
    }
    return;
  }
  for (const end of selection) {
    if (model.projections.some(({ name }) => isSelected(name, [end]))) continue;
    throw new UserError(
      `Cannot adapt a ${model.modelType}: it has no linear layer "${end}"; it has ${
        layerNames(model).join(", ")
      }`,
    );
  }
}

/** The names of linear layers without what says in which layer they are. */
function layerNames(model: LanguageModel): string[] {
  return [...new Set(model.projections.map(({ name }) => name.slice(name.lastIndexOf(".") + 1)))];
}
