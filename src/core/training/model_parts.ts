/**
 * The training loss in parts: embeddings, each layer, and the head. Each reads the hidden states that the one before
 * it made, so that they can be computed one after the other, forward and backward.
 *
 * @module
 */

import { inBands } from "../../models/banded_attention.ts";
import { blockedAttend } from "../../models/blocked_attention.ts";
import { input, reshape } from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import type { ForwardInputs } from "../../models/language_model.ts";
import { headLoss } from "./head_loss.ts";
import { type LossGraphOptions, regularized } from "./loss_graph.ts";
import { sequenceInputs } from "./sequence_inputs.ts";
import { bindWeights, type Trainee } from "./trainee.ts";

/** Name of the input that is the hidden states of the part before. */
export const HIDDEN = "hidden";

/** One part of the loss. */
export interface ModelPart {
  /** What it makes: hidden states [batch, seqLen, hiddenSize], or the loss. */
  readonly output: Value;
  /** The hidden states that it reads; the first part reads token ids instead. */
  readonly hidden: Value | undefined;
}

/** The parts of the loss. */
export interface ModelParts {
  /** From token ids to what the first layer reads. */
  readonly embed: ModelPart;
  /** The layers. */
  readonly layers: readonly ModelPart[];
  /** From the hidden states [1, headTokens, hiddenSize] of some tokens to the sum of their losses. */
  readonly head: ModelPart;
}

/** Options of {@linkcode modelParts}. */
export interface ModelPartsOptions extends LossGraphOptions {
  /** How many tokens the head reads at once. */
  readonly headTokens: number;
}

/** Describes the parts of the loss. */
export function modelParts(
  trainee: Trainee,
  { shape, values, headTokens, regularization }: ModelPartsOptions,
): ModelParts {
  const { labelSmoothing = 0 } = regularization ?? {};
  const model = regularized(trainee.model, { shape, regularization });
  const { batch, seqLen } = shape;
  const weights = bindWeights(trainee, values);
  const inputs: ForwardInputs = {
    ...weights,
    attend: inBands(blockedAttend),
    ids: input("ids", "int64", [batch, seqLen, 1]),
    ...sequenceInputs(model, shape),
  };
  // An input of its own for each part: what is left out of one layer's input is not what is left out of another's.
  const hiddenOf = (rows: number, tokens: number): Value =>
    input(HIDDEN, "float32", [rows, tokens, model.hiddenSize]);
  const embed = { hidden: undefined, output: model.embed(inputs) };
  const layers = Array.from({ length: model.numLayers }, (_, layer): ModelPart => {
    const hidden = hiddenOf(batch, seqLen);
    return { hidden, output: model.runLayer(hidden, { ...inputs, layer }).hidden };
  });
  const hidden = hiddenOf(1, headTokens);
  const finished = reshape(model.finish(hidden, inputs), [headTokens, model.hiddenSize]);
  return {
    embed,
    layers,
    head: {
      hidden,
      output: headLoss(finished, { weights, vocabSize: model.vocabSize, labelSmoothing }),
    },
  };
}
