/**
 * How each optimizer updates weights on a GPU: a table of graphs over all of them. The numbers of a step that change
 * are inputs, the others constants.
 *
 * @module
 */

import {
  add,
  div,
  max,
  mul,
  neg,
  reduceMean,
  reduceSum,
  reshape,
  scalar,
  sqrt,
  sub,
} from "../../../engine/graph/build.ts";
import type { Value } from "../../../engine/graph/value.ts";
import { adafactorScales } from "./adafactor.ts";
import { muonRateFactor } from "./muon.ts";
import { newtonSchulz } from "./newton_schulz.ts";
import type { OptimizerConfigs, OptimizerFactors, OptimizerName, SlotName } from "./optimizer.ts";

/** Weights of one shape that are updated together, as [count, ...shape]; elementwise updates take them flat. */
export interface DeviceWeights {
  /** Extents of each weight. */
  readonly shape: readonly number[];
  /** The weights. */
  readonly weights: Value;
  /** Their gradients, clipped. */
  readonly gradient: Value;
  /** What is kept of them, as [count, ...shape of the slot]. */
  readonly slots: Readonly<Partial<Record<SlotName, Value>>>;
}

/** What an update makes. */
export interface UpdatedWeights {
  /** In the place of the weights. */
  readonly weights: Value;
  /** In the place of what was kept. */
  readonly slots: Readonly<Partial<Record<SlotName, Value>>>;
}

/** Returns the value of a number of the step. */
type FactorValue<K extends OptimizerName> = (name: keyof OptimizerFactors[K] & string) => Value;

type Updates = {
  readonly [K in OptimizerName]: (
    weights: DeviceWeights,
    options: { readonly config: OptimizerConfigs[K]; readonly factor: FactorValue<K> },
  ) => UpdatedWeights;
};

const UPDATES: Updates = {
  adamw({ weights, gradient, slots }, { config: { beta1, beta2, epsilon }, factor }) {
    const mean = moved(slots.exp_avg!, gradient, scalar(1 - beta1));
    const square = add(
      mul(slots.exp_avg_sq!, scalar(beta2)),
      mul(mul(gradient, gradient), scalar(1 - beta2)),
    );
    const denominator = add(mul(sqrt(square), factor("rootScale")), scalar(epsilon));
    const change = div(mul(mean, factor("stepSize")), denominator);
    return {
      weights: sub(mul(weights, factor("keep")), change),
      slots: { exp_avg: mean, exp_avg_sq: square },
    };
  },
  sgd({ weights, gradient, slots }, { config: { momentum, nesterov }, factor }) {
    const decayed = add(gradient, mul(weights, factor("weightDecay")));
    const step = (change: Value) => sub(weights, mul(change, factor("learningRate")));
    const before = slots.momentum_buffer;
    if (before === undefined) return { weights: step(decayed), slots: {} };
    const direction = add(mul(before, scalar(momentum)), decayed);
    return {
      weights: step(nesterov ? add(decayed, mul(direction, scalar(momentum))) : direction),
      slots: { momentum_buffer: direction },
    };
  },
  lion({ weights, gradient, slots }, { config: { beta1, beta2 }, factor }) {
    const direction = sign(moved(slots.exp_avg!, gradient, scalar(1 - beta1)));
    return {
      weights: sub(mul(weights, factor("keep")), mul(direction, factor("learningRate"))),
      slots: { exp_avg: moved(slots.exp_avg!, gradient, scalar(1 - beta2)) },
    };
  },
  adafactor({ shape, weights, gradient, slots }, { config, factor }) {
    const all = shape.map((_, axis) => axis + 1);
    const { direction, slots: kept } = normalized({ shape, gradient, slots }, { config, factor });
    const excess = mul(rootMeanSquare(direction, all), scalar(1 / config.clipThreshold));
    const scale = max(rootMeanSquare(weights, all), scalar(config.epsilon2));
    const scales = adafactorScales(config);
    const rate = scales.rate ? mul(scale, factor("rate")) : factor("rate");
    const shrink = scales.shrink ? mul(scale, factor("shrink")) : factor("shrink");
    const change = mul(direction, div(rate, max(excess, scalar(1))));
    const mean = slots.exp_avg === undefined || config.beta1 === null
      ? undefined
      : moved(slots.exp_avg, change, scalar(1 - config.beta1));
    return {
      weights: sub(sub(weights, mul(weights, shrink)), mean ?? change),
      slots: { ...kept, ...(mean === undefined ? {} : { exp_avg: mean }) },
    };
  },
  muon({ shape, weights, gradient, slots }, { config, factor }) {
    const buffer = moved(slots.momentum_buffer!, gradient, factor("rise"));
    const direction = moved(gradient, buffer, factor("bufferPart"));
    const change = mul(newtonSchulz(direction), scalar(muonRateFactor(config, shape)));
    return {
      weights: sub(mul(weights, factor("keep")), mul(change, factor("learningRate"))),
      slots: { momentum_buffer: buffer },
    };
  },
};

/** Whether each optimizer looks at whole weights, or at each element alone, whatever weight it belongs to. */
export const UPDATES_WHOLE_WEIGHTS: Readonly<Record<OptimizerName, boolean>> = {
  adamw: false,
  sgd: false,
  lion: false,
  adafactor: true,
  muon: true,
};

/** Describes the update of weights of one shape. */
export function deviceUpdate<K extends OptimizerName>(
  weights: DeviceWeights,
  { config, factor }: {
    readonly config: OptimizerConfigs[K];
    readonly factor: (name: string) => Value;
  },
): UpdatedWeights {
  return UPDATES[config.kind as K](weights, { config, factor });
}

/** The gradient divided by the root of its mean squares, and these. */
function normalized(
  { shape, gradient, slots }: Omit<DeviceWeights, "weights">,
  { config: { variant, epsilon1 }, factor }: {
    readonly config: OptimizerConfigs["adafactor"];
    readonly factor: FactorValue<"adafactor">;
  },
): { readonly direction: Value; readonly slots: UpdatedWeights["slots"] } {
  const torch = variant === "torch";
  const rise = factor("rise");
  const squares = mul(gradient, gradient);
  const added = torch ? squares : add(squares, scalar(epsilon1));
  const least = (value: Value) => torch ? max(value, scalar(epsilon1 * epsilon1)) : value;
  if (slots.exp_avg_sq !== undefined) {
    const square = moved(slots.exp_avg_sq, added, rise);
    return { direction: div(gradient, sqrt(least(square))), slots: { exp_avg_sq: square } };
  }
  const rank = shape.length;
  const [before, rowAxis, columnAxis] = [gradient.shape.slice(0, -2), rank - 1, rank];
  const kept = (slot: Value, axis: number): Value =>
    reshape(slot, [...before, ...(axis === rowAxis ? [1, shape.at(-1)!] : [shape.at(-2)!, 1])]);
  const rows = moved(
    kept(slots.exp_avg_sq_row!, columnAxis),
    reduceMean(added, [columnAxis]),
    rise,
  );
  const columns = moved(kept(slots.exp_avg_sq_col!, rowAxis), reduceMean(added, [rowAxis]), rise);
  const rowMean = reduceMean(rows, [rowAxis]);
  const parts = div(rows, torch ? max(rowMean, scalar(epsilon1)) : rowMean);
  return {
    direction: div(gradient, sqrt(least(mul(parts, columns)))),
    slots: {
      exp_avg_sq_row: reshape(rows, slots.exp_avg_sq_row!.shape),
      exp_avg_sq_col: reshape(columns, slots.exp_avg_sq_col!.shape),
    },
  };
}

/** Returns `from` moved towards `to` by the part `rise` of the way. */
export function moved(from: Value, to: Value, rise: Value): Value {
  return add(from, mul(sub(to, from), rise));
}

/** The least number that is stored with all its digits: less may be taken for 0. */
const LEAST_NORMAL = 2 ** -126;

/** −1, 0 or 1; there is no operator of that name on every device. */
function sign(x: Value): Value {
  return div(x, max(max(x, neg(x)), scalar(LEAST_NORMAL)));
}

function rootMeanSquare(x: Value, axes: readonly number[]): Value {
  const count = axes.reduce((product, axis) => product * (x.shape[axis] as number), 1);
  return sqrt(mul(reduceSum(mul(x, x), axes), scalar(1 / count)));
}
