/**
 * What the layers of a training graph read besides hidden states: positions, angles, and who may look at whom.
 *
 * @module
 */

import { constant, input } from "../../engine/graph/build.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import type {
  AttentionContext,
  ForwardInputs,
  LanguageModel,
} from "../../models/language_model.ts";
import { angleTables, ropeAngles } from "../../models/rope.ts";

/** The shape of a micro-batch. */
export interface BatchShape {
  /** Rows. */
  readonly batch: number;
  /** Tokens of each row, padding included. */
  readonly seqLen: number;
  /** Where rows hold several examples: the number of each token's example, −1 for padding. */
  readonly segments?: Int32Array | undefined;
}

/** Scores this low have no weight after softmax. */
const MASKED_SCORE = -1e9;

/** Inputs of rows that hold several examples; masks are numbered by kind of attention. */
const POSITIONS = "positions";
const ANGLE_ROWS = "angle_rows";
const MASK = "mask.";

/** Whether an input of a graph is one that {@linkcode sequenceFeeds} feeds. */
export function isSequenceInput(name: string): boolean {
  return name === POSITIONS || name === ANGLE_ROWS || name.startsWith(MASK);
}

/** Describes shapes in a few letters, equal where one graph serves both. */
export function shapeKey({ batch, seqLen, segments }: BatchShape): string {
  return `${batch} ${seqLen}${segments === undefined ? "" : " packed"}`;
}

/**
 * Describes positions, angles and masks: of rows that are one example each, begin at position 0 and are padded on the
 * right; or of packed rows, whose examples each begin at position 0 and see nothing of the others.
 */
export function sequenceInputs(
  model: LanguageModel,
  { batch, seqLen, segments }: BatchShape,
): Pick<ForwardInputs, "positions" | "contexts"> {
  const packed = segments !== undefined;
  const count = Array.from({ length: seqLen }, (_, i) => i);
  const angleRows = packed
    ? input(ANGLE_ROWS, "int64", [batch, seqLen])
    : constant(tensor("int64", [1], BigInt64Array.of(0n)));
  return {
    positions: packed
      ? input(POSITIONS, "int64", [batch, seqLen, 1])
      : constant(positionTensor(Int32Array.from(count), model, [1, seqLen, 1])),
    contexts: model.attentionKinds.map(({ rope, rotaryDim, window }, kind): AttentionContext => {
      const tables = rope && angleTables(ropeAngles(rope, rotaryDim), count);
      return {
        angles: tables === null ? undefined : {
          positions: angleRows,
          cos: constant(tables.cos),
          sin: constant(tables.sin),
        },
        mask: packed
          ? input(`${MASK}${kind}`, "float32", [batch, 1, seqLen, seqLen])
          : constant(causalMask(new Int32Array(seqLen), { batch: 1, seqLen, window })),
      };
    }),
  };
}

/** Returns what a graph of packed rows is fed for {@linkcode sequenceInputs}; nothing for other rows. */
export function sequenceFeeds(
  model: LanguageModel,
  { batch, seqLen, segments }: BatchShape,
): Record<string, Tensor> {
  if (segments === undefined) return {};
  const positions = positionsOf(segments, seqLen);
  return {
    [POSITIONS]: positionTensor(positions, model, [batch, seqLen, 1]),
    [ANGLE_ROWS]: tensor("int64", [batch, seqLen], BigInt64Array.from(positions, BigInt)),
    ...Object.fromEntries(model.attentionKinds.map(({ window }, kind) => [
      `${MASK}${kind}`,
      causalMask(segments, { batch, seqLen, window }),
    ])),
  };
}

/** Returns the position of each token in its example. */
function positionsOf(segments: Int32Array, seqLen: number): Int32Array {
  const positions = new Int32Array(segments.length);
  for (let i = 0; i < segments.length; i++) {
    const continues = i % seqLen > 0 && segments[i] === segments[i - 1];
    positions[i] = continues ? positions[i - 1]! + 1 : 0;
  }
  return positions;
}

/** Padding may reach beyond the last position that is learned. */
function positionTensor(
  positions: Int32Array,
  { maxPositions }: LanguageModel,
  shape: readonly number[],
): Tensor<"int64"> {
  const within = BigInt64Array.from(positions, (at) => BigInt(Math.min(at, maxPositions - 1)));
  return tensor("int64", shape, within);
}

/**
 * Returns a mask [batch, 1, seqLen, seqLen] that lets each token see itself and those before it in its segment, at most
 * `window` in all. Rows are padded on the right only, so looking back never meets padding.
 */
function causalMask(
  segments: Int32Array,
  { batch, seqLen, window }: {
    readonly batch: number;
    readonly seqLen: number;
    readonly window: number | null;
  },
): Tensor<"float32"> {
  const mask = new Float32Array(batch * seqLen * seqLen).fill(MASKED_SCORE);
  for (let row = 0; row < batch; row++) {
    let start = 0;
    for (let at = 0; at < seqLen; at++) {
      if (segments[row * seqLen + at] !== segments[row * seqLen + start]) start = at;
      const first = window === null ? start : Math.max(start, at + 1 - window);
      const line = (row * seqLen + at) * seqLen;
      mask.fill(0, line + first, line + at + 1);
    }
  }
  return tensor("float32", [batch, 1, seqLen, seqLen], mask);
}
