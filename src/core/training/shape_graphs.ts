/**
 * The graphs by which micro-batches of one shape are computed layer by layer.
 *
 * @module
 */

import { input } from "../../engine/graph/build.ts";
import type { OnnxModel } from "../../engine/onnx/model.ts";
import { dropoutValues } from "./dropout.ts";
import { type FrozenStorage, frozenValues } from "./frozen_weights.ts";
import { cutTokens, type TokenChunk } from "./head_chunks.ts";
import { type CompileGraph, dropoutRate } from "./host_graphs.ts";
import type { LossRegularization } from "./loss_graph.ts";
import { modelParts } from "./model_parts.ts";
import { type PartGraph, PartGraphs } from "./part_graphs.ts";
import type { BatchShape } from "./sequence_inputs.ts";
import { type Trainee, trainsOutput } from "./trainee.ts";

/** The most logits that the head computes at once where they are taken in slices, which are all there is of them. */
const MAX_SLICED_LOGITS = 2 ** 25;

/** The graphs for micro-batches of one shape; each is compiled when it is first run. */
export interface ShapeGraphs extends AsyncDisposable {
  /** From token ids to what the first layer reads. */
  readonly embed: PartGraph;
  /** The layers. */
  readonly layers: readonly PartGraph[];
  /** From the last hidden states of a chunk of tokens to their loss. */
  readonly head: PartGraph;
  /** The chunks, in the order in which they are to be computed. */
  readonly chunks: readonly TokenChunk[];
  /** The lowest layer that gradients have to reach. */
  readonly lowest: number;
  /** Describes the graphs, each once, in the order in which a micro-batch first needs them. */
  models(): OnnxModel[];
}

/** Options of {@linkcode createShapeGraphs}. */
export interface ShapeGraphsOptions {
  /** The shape of the micro-batch. */
  readonly shape: BatchShape;
  /** Whether the loss is the one that is trained: with dropout, and made harder. */
  readonly training: boolean;
  /** What makes the loss that is trained harder. @default {nothing} */
  readonly regularization?: LossRegularization | undefined;
  /** How frozen weights are kept. */
  readonly storage: FrozenStorage;
  /** The most logits that the head computes at once. @default {2 ** 23; more where the output matrix is frozen} */
  readonly maxLogits?: number | undefined;
  /** Compiles a graph. */
  readonly compile: CompileGraph;
}

/** Describes the graphs for micro-batches of one shape. */
export function createShapeGraphs(trainee: Trainee, options: ShapeGraphsOptions): ShapeGraphs {
  const { shape, training, storage, regularization, compile, maxLogits } = options;
  const weights = new Map(
    trainee.parameters.map(({ name, shape }) => [name, input(name, "float32", shape)]),
  );
  const { vocabSize } = trainee.model;
  const chunks = cutTokens(shape.batch * shape.seqLen, {
    vocabSize,
    maxLogits: maxLogits ?? (trainsOutput(trainee) ? undefined : MAX_SLICED_LOGITS),
  });
  const parts = modelParts(trainee, {
    shape,
    regularization: training ? regularization : undefined,
    headTokens: chunks[0]!.tokens,
    values: {
      ...frozenValues(trainee, storage),
      trained: (name) => weights.get(name)!,
      dropout: training ? dropoutValues(dropoutRate(trainee), "uint8") : undefined,
    },
  });
  const graphs = new PartGraphs({ compile, isTrained: (name) => weights.has(name) });
  const embed = graphs.add(parts.embed);
  const layers = parts.layers.map((part) => graphs.add(part));
  const head = graphs.add(parts.head);
  const trained = layers.findIndex(({ trained }) => trained.length > 0);
  return {
    ...{ embed, layers, head, chunks },
    lowest: embed.trained.length > 0 ? 0 : trained === -1 ? layers.length : trained,
    models: () => graphs.models(),
    [Symbol.asyncDispose]: () => graphs[Symbol.asyncDispose](),
  };
}
