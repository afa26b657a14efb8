/**
 * A model as the ONNX graph that transformers.js, Optimum and others know for decoders with a cache.
 *
 * @module
 */

import { gemm, input, reshape } from "../../engine/graph/build.ts";
import { exportGraph } from "../../engine/graph/export.ts";
import type { Value } from "../../engine/graph/value.ts";
import type { OnnxModel, OnnxNode, OnnxValueInfo } from "../../engine/onnx/model.ts";
import {
  type AttentionContext,
  forward,
  type LanguageModel,
  type LayerCache,
} from "../../models/language_model.ts";
import { ANGLE_ROWS, contextNames, IDS, POSITIONS, writeDerivedInputs } from "./derived_inputs.ts";
import { inHalfPrecision } from "./half_precision.ts";
import {
  ATTENTION_MASK,
  BATCH,
  cacheNames,
  INPUT_IDS,
  LOGITS,
  PAST,
  POSITION_IDS,
  SEQUENCE,
  TOTAL,
} from "./interface.ts";
import { nodeWriter } from "./node_writer.ts";
import { NORM_OP, writeNorm } from "./standard_norms.ts";
import type { StoredWeight } from "./weight_spelling.ts";
import { spellWeights } from "./spell_weights.ts";
import { ONNX_VARIANTS, type OnnxType } from "./weight_types.ts";

/** Logits of all tokens of all sequences, [batch · seqLen, vocabSize]. */
const FLAT_LOGITS = "flat_logits";

/** A model without the elements of its weights. */
export interface DecoderModel {
  /** The model; what `stored` names is missing among its initializers. */
  readonly onnx: OnnxModel;
  /** What is made of the weights, in the order in which the model lists them. */
  readonly stored: readonly StoredWeight[];
}

/** Returns `model` with weights of `type`. */
export function decoderModel(
  model: LanguageModel,
  { type }: { readonly type: OnnxType },
): DecoderModel {
  const half = ONNX_VARIANTS[type].cacheDtype === "float16";
  const described = exportGraph(describe(model));
  const core = half ? inHalfPrecision(described) : described;
  const weightNames = new Set(model.weights.map(({ name }) => name));
  const derived = core.inputs.filter(({ name }) =>
    !weightNames.has(name) && !name.startsWith("past_key_values.")
  );

  const before = nodeWriter("input");
  writeDerivedInputs(before, { kinds: model.attentionKinds, wanted: derived });
  const spelled = spellWeights(core, { model, type });
  const norms = nodeWriter("norm");
  for (const node of spelled.writer.nodes) {
    if (node.op === NORM_OP) writeNorm(norms, { node, half });
    else norms.append(node);
  }
  const after = nodeWriter("output");
  const shape = after.node("Concat", [
    after.node("Shape", [INPUT_IDS]),
    after.integers([model.vocabSize]),
  ], { attributes: { axis: { int: 0 } } });
  const wide = half
    ? after.node("Cast", [FLAT_LOGITS], { attributes: { to: { int: 1 } } })
    : FLAT_LOGITS;
  after.node("Reshape", [wide, shape], { output: LOGITS });

  const nodes: readonly OnnxNode[] = [...before.nodes, ...norms.nodes, ...after.nodes];
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  return {
    onnx: {
      nodes,
      inputs: [
        integers(INPUT_IDS, SEQUENCE),
        integers(ATTENTION_MASK, TOTAL),
        integers(POSITION_IDS, SEQUENCE),
        ...core.inputs.filter(({ name }) => name.startsWith("past_key_values.")),
      ],
      outputs: core.outputs.map((output): OnnxValueInfo =>
        output.name === FLAT_LOGITS
          ? { name: LOGITS, dtype: "float32", shape: [BATCH, SEQUENCE, model.vocabSize] }
          : output
      ),
      initializers: new Map([
        ...before.constants,
        ...[...core.initializers].filter(([name]) => read.has(name)),
        ...spelled.writer.constants,
        ...norms.constants,
        ...after.constants,
      ]),
    },
    stored: spelled.stored,
  };
}

function integers(name: string, length: string): OnnxValueInfo {
  return { name, dtype: "int64", shape: [BATCH, length] };
}

/** Describes the forward pass, with an input for each weight and for whatever is derived from the real inputs. */
function describe(model: LanguageModel): Record<string, Value> {
  const values = new Map(
    model.weights.map(({ name, shape }) => [name, input(name, "float32", shape)]),
  );
  const weight = (name: string): Value => values.get(name)!;
  const rows = input(ANGLE_ROWS, "int64", [BATCH, SEQUENCE]);
  const contexts = model.attentionKinds.map((kind, index): AttentionContext => {
    const names = contextNames(index);
    const table = ["angles", kind.rotaryDim / 2];
    return {
      angles: kind.rope === null ? undefined : {
        positions: rows,
        cos: input(names.cos, "float32", table),
        sin: input(names.sin, "float32", table),
      },
      mask: input(names.mask, "float32", [BATCH, 1, SEQUENCE, TOTAL]),
    };
  });
  const cacheShape = [BATCH, model.numKeyValueHeads, PAST, model.headDim];
  const past = Array.from({ length: model.numLayers }, (_, layer): LayerCache => {
    const names = cacheNames(layer, "past_key_values");
    return {
      key: input(names.key, "float32", cacheShape),
      value: input(names.value, "float32", cacheShape),
    };
  });
  const { hidden, present } = forward(model, {
    weight,
    ids: input(IDS, "int64", [BATCH, SEQUENCE, 1]),
    positions: input(POSITIONS, "int64", [BATCH, SEQUENCE, 1]),
    contexts,
    past,
  });
  const flat = reshape(hidden, [`${BATCH}*${SEQUENCE}`, model.hiddenSize]);
  const outputs: Record<string, Value> = {
    [FLAT_LOGITS]: gemm(flat, weight(model.outputWeight), { transB: true }),
  };
  for (const [layer, { key, value }] of present.entries()) {
    const names = cacheNames(layer, "present");
    outputs[names.key] = key;
    outputs[names.value] = value;
  }
  return outputs;
}
