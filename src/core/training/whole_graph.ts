/**
 * Losses and gradients by one graph of the whole model.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import type { Session } from "../../engine/runtime/session.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import { dropoutMasks } from "./dropout.ts";
import {
  dropoutRate,
  GRADIENT,
  type HostGraphs,
  type HostGraphsOptions,
  scalarOf,
} from "./host_graphs.ts";
import { hostLossGraph } from "./host_loss_graph.ts";
import { idsFeed, wholeLossFeeds } from "./loss_graph.ts";
import { type BatchShape, sequenceFeeds, shapeKey } from "./sequence_inputs.ts";
import { noiseFeeds } from "./neftune.ts";
import { type CompiledGraph, SessionCache } from "./session_cache.ts";
import { type Trainee, trainsOutput } from "./trainee.ts";
import { trainedFeeds } from "./trained_rows.ts";
import type { AccumulateOptions } from "./trainer.ts";

/** Computes losses and gradients in one run: fastest, but all activations exist at once. */
export class WholeGraph implements HostGraphs {
  readonly #trainee: Trainee;
  readonly #options: HostGraphsOptions;
  readonly #sessions: SessionCache;
  readonly #names: readonly string[];
  /** Whether the head leaves tokens without a loss out, which an output matrix that trains is not made for. */
  readonly #trainedOnly: boolean;

  /** Compiles nothing yet. */
  constructor(trainee: Trainee, options: HostGraphsOptions) {
    this.#trainee = trainee;
    this.#options = options;
    this.#sessions = new SessionCache(options.compile);
    this.#names = trainee.parameters.map(({ name }) => name);
    this.#trainedOnly = !trainsOutput(trainee);
  }

  /** See {@linkcode HostGraphs.accumulate}. */
  async accumulate(
    batch: MicroBatch,
    { tokenWeight, seed }: AccumulateOptions,
  ): Promise<number> {
    const { session, model } = await this.#graph(batch, true);
    const { weights, frozen, gradients } = this.#options.tensors;
    const { hiddenSize } = this.#trainee.model;
    const alpha = this.#options.regularization?.neftuneAlpha ?? null;
    const feeds = {
      ...weights,
      ...frozen,
      ...dropoutMasks(model, dropoutRate(this.#trainee)).draw(seed),
      ...noiseFeeds({ ...batch, alpha, seed, hiddenSize }),
      ...this.#lossFeeds(batch, tokenWeight),
      ...this.#sequenceFeeds(session, batch),
    };
    const { loss } = await gradients.add(this.#names, (into) =>
      session.run(feeds, {
        into: Object.fromEntries(
          Object.entries(into).map(([name, tensor]) => [GRADIENT + name, tensor]),
        ),
      }));
    return scalarOf(loss);
  }

  /** See {@linkcode HostGraphs.evaluate}. */
  async evaluate(batch: MicroBatch): Promise<number> {
    const { session } = await this.#graph(batch, false);
    const { evaluated, frozen } = this.#options.tensors;
    const { loss } = await session.run({
      ...evaluated,
      ...frozen,
      ...this.#lossFeeds(batch, 1),
      ...this.#sequenceFeeds(session, batch),
    });
    return scalarOf(loss);
  }

  /** Frees the compiled graphs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions[Symbol.asyncDispose]();
  }

  #lossFeeds(batch: MicroBatch, tokenWeight: number): Record<string, Tensor> {
    const options = { tokenWeight, vocabSize: this.#trainee.model.vocabSize };
    if (!this.#trainedOnly) return wholeLossFeeds(batch, options);
    return { ids: idsFeed(batch), ...trainedFeeds(batch, options) };
  }

  /** What `session` reads of positions and masks. */
  #sequenceFeeds({ inputNames }: Session, shape: BatchShape): Record<string, Tensor> {
    const feeds = Object.entries(sequenceFeeds(this.#trainee.model, shape));
    return Object.fromEntries(feeds.filter(([name]) => inputNames.includes(name)));
  }

  #graph(shape: BatchShape, training: boolean): Promise<CompiledGraph> {
    const { storage, regularization } = this.#options;
    return this.#sessions.open(
      `${training} ${shapeKey(shape)}`,
      () =>
        hostLossGraph(this.#trainee, {
          shape,
          training,
          trainedOnly: this.#trainedOnly,
          storage,
          regularization,
        }),
    );
  }
}
