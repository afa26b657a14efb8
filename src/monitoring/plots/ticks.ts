/**
 * The marks of an axis.
 *
 * @module
 */

/** Steps between marks that people read easily, within a power of ten. */
const NICE_STEPS = [1, 2, 2.5, 5, 10];

/** Returns about `count` round numbers within `low` and `high`, at least one. */
export function ticksIn([low, high]: readonly [number, number], count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = NICE_STEPS.map((nice) => nice * power).find((each) => each >= rough * 0.999) ??
    10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const ticks: number[] = [];
  // by index, so that rounding errors do not add up
  for (let i = first; i <= last; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks.length > 0 ? ticks : [low];
}

/** Returns marks of whole numbers only, for steps. */
export function wholeTicksIn(range: readonly [number, number], count: number): number[] {
  const ticks = ticksIn(range, count).filter(Number.isInteger);
  return ticks.length > 0 ? ticks : [Math.round(range[0])];
}

const UNITS: readonly (readonly [number, string])[] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [
  1e3,
  "k",
]];

/** Writes the number at a mark, so that neighbours differ: `0.0025`, `1.5e-5`, `12k`. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-4) return value.toExponential().replace(/\.?0+e/, "e");
  const unit = size >= 1e4 ? UNITS.find(([scale]) => size >= scale) : undefined;
  return unit === undefined
    ? String(Number(value.toPrecision(6)))
    : `${Number((value / unit[0]).toPrecision(6))}${unit[1]}`;
}
