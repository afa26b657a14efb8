/**
 * Llama 3's frequency scaling: GGUF files hold the factor of each frequency, `config.json` the four numbers they
 * are computed from.
 *
 * @module
 */

/** The numbers of `rope_scaling` of type "llama3". */
export interface Llama3Scaling {
  /** How far long wavelengths are stretched. */
  readonly factor: number;
  /** Wavelengths longer than the original context divided by this are stretched. */
  readonly low_freq_factor: number;
  /** Wavelengths shorter than the original context divided by this stay. */
  readonly high_freq_factor: number;
  /** The context of the model before. */
  readonly original_max_position_embeddings: number;
}

/** What a model's frequencies depend on. */
export interface RopeBase {
  /** The base of the frequencies. */
  readonly theta: number;
  /** How many elements of a head are rotated. */
  readonly rotaryDim: number;
}

/** The context from which Llama 3 was extended; only its ratios to the other numbers matter. */
const ORIGINAL_CONTEXT = 8192;

/** How much of a factor rounding may explain. */
const TOLERANCE = 1e-5;

/** Returns what each frequency is divided by. */
export function llama3Factors(scaling: Llama3Scaling, base: RopeBase): Float32Array {
  const { factor, low_freq_factor: low, high_freq_factor: high } = scaling;
  const context = scaling.original_max_position_embeddings;
  return Float32Array.from(wavelengths(base), (wavelength) => {
    if (wavelength < context / high) return 1;
    if (wavelength > context / low) return factor;
    const smooth = (context / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** Returns numbers that give these factors; `undefined` if none do. */
export function findLlama3Scaling(
  factors: Float32Array,
  base: RopeBase,
): Llama3Scaling | undefined {
  const factor = Number(Math.max(...factors).toPrecision(6));
  return [standard(factor), ...fitted(factors, base, factor)].find((scaling) => {
    const computed = llama3Factors(scaling, base);
    return computed.length === factors.length &&
      computed.every((each, i) => Math.abs(each - factors[i]!) <= TOLERANCE * each);
  });
}

function standard(factor: number): Llama3Scaling {
  return {
    factor,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: ORIGINAL_CONTEXT,
  };
}

/** A frequency, and how far it is between stretched (0) and kept (1). */
interface Point {
  readonly inverse: number;
  readonly smooth: number;
}

/**
 * Between the two ends, `smooth` is linear in the inverse wavelength: two factors give the line, and with it the
 * ratios of context, low and high factor. With fewer, any line does that leaves the others at their ends.
 */
function fitted(factors: Float32Array, base: RopeBase, factor: number): Llama3Scaling[] {
  const points = [...wavelengths(base)].map((wavelength, i): Point => ({
    inverse: 1 / wavelength,
    smooth: (1 / factors[i]! - 1 / factor) / (1 - 1 / factor),
  }));
  const between = points.filter(({ smooth }) => smooth > 1e-4 && smooth < 1 - 1e-4);
  const kept = points.filter(({ smooth }) => smooth >= 1 - 1e-4).slice(-1);
  const stretched = points.filter(({ smooth }) => smooth <= 1e-4).slice(0, 1);
  const [first = kept[0], ...others] = between;
  if (first === undefined) return [];
  const ends = others.length > 0 ? others.slice(-1) : [...kept, ...stretched];
  const slopes = ends.filter((end) => end !== first)
    .map((end) => (first.smooth - end.smooth) / (first.inverse - end.inverse));
  if (slopes.length === 0) return [];
  const slope = Math.max(...slopes);
  const low = ORIGINAL_CONTEXT * (first.inverse - first.smooth / slope);
  const high = low + ORIGINAL_CONTEXT / slope;
  return [{
    factor,
    low_freq_factor: Number(low.toPrecision(8)),
    high_freq_factor: Number(high.toPrecision(8)),
    original_max_position_embeddings: ORIGINAL_CONTEXT,
  }];
}

function wavelengths({ theta, rotaryDim }: RopeBase): Float64Array {
  return Float64Array.from(
    { length: rotaryDim / 2 },
    (_, i) => 2 * Math.PI * theta ** (2 * i / rotaryDim),
  );
}
