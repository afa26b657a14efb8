/**
 * What a forward pass reads besides weights, made inside the graph from the inputs that an ONNX file has: ids with a
 * dimension more, angles of the positions, and who may look at whom.
 *
 * @module
 */

import type { OnnxValueInfo } from "../../engine/onnx/model.ts";
import type { AttentionKind } from "../../models/language_model.ts";
import { ropeAngles } from "../../models/rope.ts";
import { ATTENTION_MASK, INPUT_IDS, POSITION_IDS } from "./interface.ts";
import type { NodeWriter } from "./node_writer.ts";

/** Ids as the engine gathers by them, int64 [batch, seqLen, 1]. */
export const IDS = "ids";

/** Positions as the engine gathers by them, int64 [batch, seqLen, 1]. */
export const POSITIONS = "positions";

/** Rows of the tables of angles, which hold one row for each token that is read: int64 [batch, seqLen]. */
export const ANGLE_ROWS = "angle_rows";

/** Returns the names of the inputs of one kind of attention. */
export function contextNames(
  kind: number,
): { readonly cos: string; readonly sin: string; readonly mask: string } {
  return { cos: `cos.${kind}`, sin: `sin.${kind}`, mask: `mask.${kind}` };
}

/**
 * Scores this low have no weight after softmax. In half precision the sum with a score must not become infinite:
 * a row of nothing but −∞ would be NaN.
 */
const MASKED_SCORE = { float32: -1e9, float16: -30_000 } as const;

const FLOAT = { float32: 1, float16: 10 } as const;
const INT32 = 6;

/** Options of {@linkcode writeDerivedInputs}. */
export interface DerivedInputsOptions {
  /** The model's kinds of attention. */
  readonly kinds: readonly AttentionKind[];
  /** What the forward pass reads; only that is made. */
  readonly wanted: readonly OnnxValueInfo[];
}

/** Writes nodes that make each of the wanted inputs under its own name. */
export function writeDerivedInputs(
  writer: NodeWriter,
  { kinds, wanted }: DerivedInputsOptions,
): void {
  const dtypeOf = new Map(wanted.map(({ name, dtype }) => [name, dtype]));
  if (dtypeOf.has(IDS)) {
    writer.node("Unsqueeze", [INPUT_IDS, writer.integers([-1])], { output: IDS });
  }
  if (dtypeOf.has(POSITIONS)) {
    writer.node("Unsqueeze", [POSITION_IDS, writer.integers([-1])], { output: POSITIONS });
  }
  if (dtypeOf.has(ANGLE_ROWS)) {
    const shape = writer.node("Shape", [INPUT_IDS]);
    const count = writer.node("Size", [INPUT_IDS]);
    const rows = writer.node("Range", [writer.integers(0), count, writer.integers(1)]);
    writer.node("Reshape", [rows, shape], { output: ANGLE_ROWS });
  }
  const distances = once(() => writeDistances(writer));
  const real = once(() => {
    const mask = writer.node("Unsqueeze", [ATTENTION_MASK, writer.integers([1, 2])]);
    return cast(writer, mask, FLOAT.float32);
  });
  for (const [index, kind] of kinds.entries()) {
    const names = contextNames(index);
    if (dtypeOf.has(names.cos) && kind.rope !== null) {
      const { frequencies, attentionFactor } = ropeAngles(kind.rope, kind.rotaryDim);
      const angles = writeAngles(writer, [...frequencies]);
      const to = floatCode(dtypeOf.get(names.cos)!);
      for (const [op, name] of [["Cos", names.cos], ["Sin", names.sin]] as const) {
        const table = writer.node(op, [angles]);
        const scaled = attentionFactor === 1
          ? table
          : writer.node("Mul", [table, writer.floats(attentionFactor)]);
        cast(writer, scaled, to, name);
      }
    }
    if (dtypeOf.has(names.mask)) {
      const half = dtypeOf.get(names.mask) === "float16";
      const seen = writeSeen(writer, { distance: distances(), window: kind.window });
      const allowed = writer.node("Mul", [seen, real()]);
      const hidden = writer.node("Sub", [writer.floats(1), allowed]);
      const score = half ? MASKED_SCORE.float16 : MASKED_SCORE.float32;
      const mask = writer.node("Mul", [hidden, writer.floats(score)]);
      cast(writer, mask, half ? FLOAT.float16 : FLOAT.float32, names.mask);
    }
  }
}

/** Angles [batch · seqLen, pairs] of the positions, one row for each token. */
function writeAngles(writer: NodeWriter, frequencies: readonly number[]): string {
  const column = writer.node("Reshape", [POSITION_IDS, writer.integers([-1, 1])]);
  return writer.node("Mul", [cast(writer, column, FLOAT.float32), writer.floats(frequencies)]);
}

/** How many tokens before each token that is read each key lies, int32 [seqLen, total]. */
function writeDistances(writer: NodeWriter): string {
  const lengthOf = (name: string): string => {
    const shape = writer.node("Shape", [name]);
    const length = writer.node("Gather", [shape, writer.integers(1)]);
    return cast(writer, length, INT32);
  };
  const int32 = (value: number): string => cast(writer, writer.integers(value), INT32);
  const total = lengthOf(ATTENTION_MASK);
  const past = writer.node("Sub", [total, lengthOf(INPUT_IDS)]);
  const keys = writer.node("Range", [int32(0), total, int32(1)]);
  const queries = writer.node("Range", [past, total, int32(1)]);
  const column = writer.node("Unsqueeze", [queries, writer.integers([1])]);
  return writer.node("Sub", [column, keys]);
}

/** 1 where a key is not later than the token and, if there is a window, inside it, else 0: float32 [seqLen, total]. */
function writeSeen(
  writer: NodeWriter,
  { distance, window }: { readonly distance: string; readonly window: number | null },
): string {
  const number = (value: number): string => cast(writer, writer.integers(value), INT32);
  const float = (condition: string): string => cast(writer, condition, FLOAT.float32);
  const earlier = float(writer.node("GreaterOrEqual", [distance, number(0)]));
  if (window === null) return earlier;
  return writer.node("Mul", [earlier, float(writer.node("Less", [distance, number(window)]))]);
}

function cast(writer: NodeWriter, value: string, to: number, output?: string): string {
  const attributes = { to: { int: to } };
  return writer.node(
    "Cast",
    [value],
    output === undefined ? { attributes } : { attributes, output },
  );
}

function floatCode(dtype: string): number {
  return dtype === "float16" ? FLOAT.float16 : FLOAT.float32;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
