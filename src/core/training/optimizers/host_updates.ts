/**
 * How each optimizer updates weights in host memory: a table over all of them.
 *
 * @module
 */

import { type AdafactorArrays, updateAdafactor } from "./adafactor.ts";
import { type AdamWKernel, compileAdamWKernel, KERNEL_LANES } from "./adamw_kernel.ts";
import { EMA_SLOT, updateEma } from "./ema.ts";
import { NORM_BLOCK } from "./gradient_norm.ts";
import { updateLion } from "./lion.ts";
import { applyDirections, updateMomentum } from "./muon.ts";
import type {
  Factors,
  OptimizerConfig,
  OptimizerConfigs,
  OptimizerFactors,
  OptimizerName,
  SlotName,
} from "./optimizer.ts";
import { updateSgd } from "./sgd.ts";
import type { ElementRange } from "./update_step.ts";

/** The place of one weight in the arrays of its group, and those of what is kept of it. */
export interface WeightPlace extends ElementRange {
  /** Extents of the weight. */
  readonly shape: readonly number[];
  /** Elements of what is kept of it, by slot. */
  readonly slots: Readonly<Partial<Record<SlotName, ElementRange>>>;
}

/** The arrays of one group, on shared memory; behind each there is room up to a multiple of the kernel's lanes. */
export interface SharedGroup {
  /** What updates the weights. */
  readonly optimizer: OptimizerConfig;
  /** Weights; updated. */
  readonly weights: Float32Array;
  /** Gradients. */
  readonly gradients: Float32Array;
  /** What is kept from step to step, by slot; updated. */
  readonly slots: Readonly<Partial<Record<SlotName, Float32Array>>>;
  /** The sum of squares of the gradients of each block of {@linkcode NORM_BLOCK} elements. */
  readonly blockSums: Float64Array;
  /** Each weight. */
  readonly places: readonly WeightPlace[];
}

/** What each optimizer works on at once: any elements, or a whole weight. */
export const UPDATE_UNITS: Readonly<Record<OptimizerName, "block" | "weight">> = {
  adamw: "block",
  sgd: "block",
  lion: "block",
  adafactor: "weight",
  muon: "block",
};

/** What an update is given. */
interface UpdateInputs<K extends OptimizerName> {
  readonly config: OptimizerConfigs[K];
  /** Elements to update. */
  readonly range: ElementRange;
  /** The weight to update, where whole weights are. */
  readonly place: WeightPlace | undefined;
  readonly factors: OptimizerFactors[K];
  readonly kernel: AdamWKernel;
}

type Updates = {
  readonly [K in OptimizerName]: (group: SharedGroup, inputs: UpdateInputs<K>) => void;
};

const UPDATES: Updates = {
  adamw: ({ weights, gradients, slots }, { range: { from, to }, factors, kernel }) => {
    const address = (array: Float32Array): number => array.byteOffset + 4 * from;
    kernel({
      weights: address(weights),
      gradients: address(gradients),
      means: address(slots.exp_avg!),
      squares: address(slots.exp_avg_sq!),
      count: Math.ceil((to - from) / KERNEL_LANES) * KERNEL_LANES,
    }, factors);
  },
  sgd: ({ weights, gradients, slots }, inputs) =>
    updateSgd({ weights, gradients, buffer: slots.momentum_buffer }, inputs),
  lion: ({ weights, gradients, slots }, inputs) =>
    updateLion({ weights, gradients, means: slots.exp_avg! }, inputs),
  adafactor: (group, { config, place, factors }) =>
    updateAdafactor(config, { arrays: adafactorArrays(group, place!), factors }),
  // the first half: what is made of the gradients is orthogonalised before it is applied
  muon: ({ gradients, slots }, inputs) =>
    updateMomentum({ gradients, buffer: slots.momentum_buffer! }, inputs),
};

function adafactorArrays(
  { weights, gradients, slots }: SharedGroup,
  place: WeightPlace,
): AdafactorArrays {
  const part = (slot: SlotName): Float32Array | undefined => {
    const range = place.slots[slot];
    return range && slots[slot]!.subarray(range.from, range.to);
  };
  return {
    shape: place.shape,
    weight: weights.subarray(place.from, place.to),
    gradient: gradients.subarray(place.from, place.to),
    rows: part("exp_avg_sq_row"),
    columns: part("exp_avg_sq_col"),
    squares: part("exp_avg_sq"),
    mean: part("exp_avg"),
  };
}

/** A range of units of a group, and the numbers of the step. */
export interface GroupUpdate {
  /** First unit, and the one behind the last. */
  readonly range: ElementRange;
  /** Of the group's optimizer. */
  readonly factors: Factors;
}

/** Updates of shares of a group. */
export interface HostUpdates {
  /** Updates weights, or does the first half of that. */
  update(group: SharedGroup, update: GroupUpdate): void;
  /** Does the second half for Muon: the gradients have been replaced by orthogonalised directions. */
  apply(group: SharedGroup, update: GroupUpdate): void;
}

/** Creates the updates of arrays that lie in `memory`. */
export function createHostUpdates(
  { memory, emaDecay }: { readonly memory: WebAssembly.Memory; readonly emaDecay: number | null },
): HostUpdates {
  const kernel = compileAdamWKernel(memory);
  const moveAverage = ({ weights, slots }: SharedGroup, range: ElementRange): void => {
    if (emaDecay === null) return;
    updateEma({ average: slots[EMA_SLOT]!, weights }, { range, decay: emaDecay });
  };
  return {
    update(group, { range, factors }) {
      const { optimizer, places } = group;
      const update = <K extends OptimizerName>(
        config: OptimizerConfigs[K],
        elements: ElementRange,
        place?: WeightPlace,
      ) =>
        UPDATES[config.kind as K](group, {
          config,
          range: elements,
          place,
          factors: factors as OptimizerFactors[K],
          kernel,
        });
      if (UPDATE_UNITS[optimizer.kind] === "block") {
        const elements = elementsOf(group, range);
        update(optimizer, elements);
        if (optimizer.kind !== "muon") moveAverage(group, elements);
        return;
      }
      for (const place of places.slice(range.from, range.to)) {
        update(optimizer, place, place);
        moveAverage(group, place);
      }
    },
    apply(group, { range, factors }) {
      const elements = elementsOf(group, range);
      applyDirections({ weights: group.weights, directions: group.gradients }, {
        range: elements,
        factors: factors as OptimizerFactors["muon"],
      });
      moveAverage(group, elements);
    },
  };
}

function elementsOf({ weights }: SharedGroup, { from, to }: ElementRange): ElementRange {
  return { from: from * NORM_BLOCK, to: Math.min(to * NORM_BLOCK, weights.length) };
}
