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
import { bandOf } from "../../models/banded_attention.ts";
import { angleTables, ropeAngles } from "../../models/rope.ts";

/** The shape of a micro-batch. */
export interface BatchShape {
  /** Rows. */
  readonly batch: number;
  /** Tokens of each row, padding included. */
  readonly seqLen: number;
  /** Where rows hold several examples: the number of each token's example, −1 for padding. */
  readonly segments?: Int32Array | undefined;
  /** Where rows hold several examples: the most tokens that one may have. @default {those of a row} */
  readonly reach?: number | undefined;
}

/** Scores this low have no weight after softmax. */
const MASKED_SCORE = -1e9;

/** Inputs of rows that hold several examples; the latter two are numbered by kind of attention. */
const POSITIONS = "positions";
const ANGLE_ROWS = "angle_rows.";
const MASK = "mask.";

/** Whether an input of a graph is one that {@linkcode sequenceFeeds} feeds. */
export function isSequenceInput(name: string): boolean {
  return name === POSITIONS || name.startsWith(ANGLE_ROWS) || name.startsWith(MASK);
}

/** Describes shapes in a few letters, equal where one graph serves both. */
export function shapeKey(shape: BatchShape): string {
  const { batch, seqLen, segments } = shape;
  if (segments === undefined) return `${batch} ${seqLen}`;
  return `${batch} ${seqLen} packed ${bandOfKind(shape, null) ?? ""}`;
}

/** Returns the tokens of a block in layers of which each token sees `window` at most. */
function bandOfKind(
  { seqLen, segments, reach = seqLen }: BatchShape,
  window: number | null,
): number | undefined {
  return segments === undefined ? undefined : bandOf(seqLen, Math.min(reach, window ?? reach));
}

/**
 * Describes positions, angles and masks: of rows that are one example each, begin at position 0 and are padded on the
 * right; or of packed rows, whose examples each begin at position 0 and see nothing of the others.
 */
export function sequenceInputs(
  model: LanguageModel,
  shape: BatchShape,
): Pick<ForwardInputs, "positions" | "contexts"> {
  const { batch, seqLen, segments } = shape;
  const packed = segments !== undefined;
  const count = Array.from({ length: seqLen }, (_, i) => i);
  const first = constant(tensor("int64", [1], BigInt64Array.of(0n)));
  return {
    positions: packed
      ? input(POSITIONS, "int64", [batch, seqLen, 1])
      : constant(positionTensor(Int32Array.from(count), model, [1, seqLen, 1])),
    contexts: model.attentionKinds.map(({ rope, rotaryDim, window }, kind): AttentionContext => {
      const tables = rope && angleTables(ropeAngles(rope, rotaryDim), count);
      const band = bandOfKind(shape, window);
      return {
        band,
        angles: tables === null ? undefined : {
          positions: packed
            ? input(`${ANGLE_ROWS}${kind}`, "int64", angleShape({ batch, seqLen, band }))
            : first,
          cos: constant(tables.cos),
          sin: constant(tables.sin),
        },
        mask: packed
          ? input(`${MASK}${kind}`, "float32", maskShape({ batch, seqLen, band }))
          : constant(causalMask(new Int32Array(seqLen), { batch: 1, seqLen, window, band })),
      };
    }),
  };
}

/** Returns what a graph of packed rows is fed for {@linkcode sequenceInputs}; nothing for other rows. */
export function sequenceFeeds(
  model: LanguageModel,
  shape: BatchShape,
): Record<string, Tensor> {
  const { batch, seqLen, segments } = shape;
  if (segments === undefined) return {};
  const positions = positionsOf(segments, seqLen);
  const angleRows = BigInt64Array.from(positions, BigInt);
  return {
    [POSITIONS]: positionTensor(positions, model, [batch, seqLen, 1]),
    ...Object.fromEntries(model.attentionKinds.flatMap(({ window }, kind) => {
      const where = { batch, seqLen, band: bandOfKind(shape, window) };
      return [
        [`${ANGLE_ROWS}${kind}`, tensor("int64", angleShape(where), angleRows)],
        [`${MASK}${kind}`, causalMask(segments, { ...where, window })],
      ];
    })),
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

/** Where angles and masks are read. */
interface BandShape extends Pick<BatchShape, "batch" | "seqLen"> {
  /** Tokens of a block, where blocks look at themselves and the one before. */
  readonly band: number | undefined;
}

function angleShape({ batch, seqLen, band = seqLen }: BandShape): [number, number] {
  return [batch * seqLen / band, band];
}

function maskShape({ batch, seqLen, band }: BandShape): [number, 1, number, number] {
  return band === undefined
    ? [batch, 1, seqLen, seqLen]
    : [batch * seqLen / band, 1, band, 2 * band];
}

/**
 * Returns a mask of {@linkcode maskShape} that lets each token see itself and those before it in its segment, at most
 * `window` in all. Rows are padded on the right only, so looking back never meets padding.
 */
function causalMask(
  segments: Int32Array,
  { window, ...where }: BandShape & { readonly window: number | null },
): Tensor<"float32"> {
  const { batch, seqLen, band } = where;
  const shape = maskShape(where);
  const width = shape[3];
  const mask = new Float32Array(batch * seqLen * width).fill(MASKED_SCORE);
  for (let row = 0; row < batch; row++) {
    let start = 0;
    for (let at = 0; at < seqLen; at++) {
      if (segments[row * seqLen + at] !== segments[row * seqLen + start]) start = at;
      // the first token that is in the mask, which for a first block is that of a row before
      const begin = band === undefined ? 0 : (Math.floor(at / band) - 1) * band;
      // padding may be longer than what blocks see, and what it sees is of no use
      const first = Math.max(start, begin, window === null ? 0 : at + 1 - window);
      const line = (row * seqLen + at) * width - begin;
      mask.fill(0, line + first, line + at + 1);
    }
  }
  return tensor("float32", shape, mask);
}
