/**
 * Losses and gradients layer by layer: activations of one layer at a time. Going forward, what each layer reads is
 * kept; going backward, the rest of a layer is computed from it once more. The head takes the tokens in chunks, so that
 * the logits of all of them never exist together.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import { dropoutMasks } from "./dropout.ts";
import { dropoutRate, type HostGraphs, type HostGraphsOptions, scalarOf } from "./host_graphs.ts";
import { chunkFeeds, chunkRows } from "./head_chunks.ts";
import { lossFeeds } from "./loss_graph.ts";
import { HIDDEN } from "./model_parts.ts";
import { noiseFeeds } from "./neftune.ts";
import type { FindFeed } from "./part_graphs.ts";
import { RecentlyUsed } from "./recently_used.ts";
import { type BatchShape, sequenceFeeds, shapeKey } from "./sequence_inputs.ts";
import { createShapeGraphs, type ShapeGraphs } from "./shape_graphs.ts";
import type { Trainee } from "./trainee.ts";
import type { AccumulateOptions } from "./trainer.ts";

/** Shapes of micro-batches whose graphs stay compiled. */
const MAX_SHAPES = 6;

/** Options of {@linkcode LayeredGraphs}. */
export interface LayeredGraphsOptions extends HostGraphsOptions {
  /** The most logits that the head computes at once. @default {2 ** 23} */
  readonly maxLogits?: number;
}

/** Computes losses and gradients layer by layer, in a fraction of the memory that all at once take. */
export class LayeredGraphs implements HostGraphs {
  readonly #trainee: Trainee;
  readonly #options: LayeredGraphsOptions;
  readonly #dropout: number;
  /** Whether the loss that is trained is not the one that is evaluated. */
  readonly #trainsHarder: boolean;
  readonly #shapes = new RecentlyUsed<ShapeGraphs>(MAX_SHAPES);
  /** Memory of hidden states and of their gradients, used again by every micro-batch. */
  readonly #buffers: Float32Array[] = [];

  /** Compiles nothing yet. */
  constructor(trainee: Trainee, options: LayeredGraphsOptions) {
    this.#trainee = trainee;
    this.#options = options;
    this.#dropout = dropoutRate(trainee);
    const { labelSmoothing = 0, neftuneAlpha = null } = options.regularization ?? {};
    this.#trainsHarder = this.#dropout > 0 || labelSmoothing > 0 || neftuneAlpha !== null;
  }

  /** See {@linkcode HostGraphs.accumulate}. */
  async accumulate(
    batch: MicroBatch,
    { tokenWeight, seed }: AccumulateOptions,
  ): Promise<number> {
    const { gradients } = this.#options.tensors;
    const { embed, layers, head, chunks, lowest } = await this.#graphs(batch, true);
    const { hiddenSize } = this.#trainee.model;
    const alpha = this.#options.regularization?.neftuneAlpha ?? null;
    const feeds = lossFeeds(batch, tokenWeight);
    const sequence = sequenceFeeds(this.#trainee.model, batch);
    const find = this.#find({
      ...feeds,
      ...sequence,
      ...noiseFeeds({ ...batch, alpha, seed, hiddenSize }),
    });
    const findOf = (layer: number, hidden: Tensor): FindFeed =>
      this.#find({
        ...sequence,
        ...dropoutMasks(layers[layer]!, this.#dropout).draw(seed),
        [HIDDEN]: hidden,
      });

    const states = Array.from({ length: layers.length + 1 }, (_, i) => this.#hidden(i, batch));
    await embed.forward(find, states[0]!);
    for (const [layer, graph] of layers.entries()) {
      await graph.forward(findOf(layer, states[layer]!), states[layer + 1]!);
    }

    let upstream = this.#hidden(states.length, batch);
    let spare = states.at(-1)!;
    let loss = 0;
    for (const chunk of chunks) {
      const findChunk = this.#find(chunkFeeds(chunk, { feeds, hidden: spare }));
      const hidden = chunkRows(chunk, upstream);
      const part = await gradients.add(
        head.trained,
        (into) => head.backward(findChunk, { hidden, gradients: into }),
      );
      loss += scalarOf(part);
    }
    // Going down, the gradient of what a layer reads takes the place of what is no longer needed.
    for (let layer = layers.length - 1; layer >= lowest; layer--) {
      const graph = layers[layer]!;
      const findLayer = findOf(layer, states[layer]!);
      await gradients.add(
        graph.trained,
        (into) => graph.backward(findLayer, { upstream, hidden: spare, gradients: into }),
      );
      [upstream, spare] = [spare, upstream];
    }
    if (embed.trained.length > 0) {
      await gradients.add(
        embed.trained,
        (into) => embed.backward(find, { upstream, gradients: into }),
      );
    }
    return loss;
  }

  /** See {@linkcode HostGraphs.evaluate}. */
  async evaluate(batch: MicroBatch): Promise<number> {
    const { embed, layers, head, chunks } = await this.#graphs(batch, false);
    const { evaluated } = this.#options.tensors;
    const find = (feeds: Readonly<Record<string, Tensor>>) => this.#find(feeds, evaluated);
    const feeds = lossFeeds(batch, 1);
    const sequence = sequenceFeeds(this.#trainee.model, batch);
    let [hidden, spare] = [this.#hidden(0, batch), this.#hidden(1, batch)];
    await embed.forward(find({ ...feeds, ...sequence }), hidden);
    for (const graph of layers) {
      await graph.forward(find({ ...sequence, [HIDDEN]: hidden }), spare);
      [hidden, spare] = [spare, hidden];
    }
    let loss = 0;
    for (const chunk of chunks) {
      loss += scalarOf(await head.forward(find(chunkFeeds(chunk, { feeds, hidden }))));
    }
    return loss;
  }

  /** Frees the compiled graphs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shapes[Symbol.asyncDispose]();
  }

  #find(
    feeds: Readonly<Record<string, Tensor>>,
    weights: Readonly<Record<string, Tensor>> = this.#options.tensors.weights,
  ): FindFeed {
    const { frozen } = this.#options.tensors;
    return (name) => feeds[name] ?? weights[name] ?? frozen[name];
  }

  /** Returns memory number `index` as hidden states of a micro-batch. */
  #hidden(index: number, { batch, seqLen }: BatchShape): Tensor<"float32"> {
    const { hiddenSize } = this.#trainee.model;
    const size = batch * seqLen * hiddenSize;
    if (size > (this.#buffers[index]?.length ?? 0)) this.#buffers[index] = new Float32Array(size);
    const data = this.#buffers[index]!.subarray(0, size);
    return tensor("float32", [batch, seqLen, hiddenSize], data);
  }

  #graphs(shape: BatchShape, training: boolean): Promise<ShapeGraphs> {
    const differs = training && this.#trainsHarder;
    return this.#shapes.open(
      `${differs} ${shapeKey(shape)}`,
      () => createShapeGraphs(this.#trainee, { ...this.#options, shape, training: differs }),
    );
  }
}
