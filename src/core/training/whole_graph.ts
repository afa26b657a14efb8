/**
 * Losses and gradients by one graph of the whole model.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import { grad } from "../../engine/graph/autodiff.ts";
import { input } from "../../engine/graph/build.ts";
import { exportGraph } from "../../engine/graph/export.ts";
import type { Session } from "../../engine/runtime/session.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import type { Value } from "../../engine/graph/value.ts";
import { dropoutMasks, dropoutValues } from "./dropout.ts";
import { frozenValues } from "./frozen_weights.ts";
import {
  dropoutRate,
  GRADIENT,
  type HostGraphs,
  type HostGraphsOptions,
  scalarOf,
} from "./host_graphs.ts";
import { lossGraph, wholeLossFeeds } from "./loss_graph.ts";
import { type BatchShape, sequenceFeeds, shapeKey } from "./sequence_inputs.ts";
import { noiseFeeds } from "./neftune.ts";
import { type CompiledGraph, SessionCache } from "./session_cache.ts";
import type { Trainee } from "./trainee.ts";
import type { AccumulateOptions } from "./trainer.ts";

/** Computes losses and gradients in one run: fastest, but all activations exist at once. */
export class WholeGraph implements HostGraphs {
  readonly #trainee: Trainee;
  readonly #options: HostGraphsOptions;
  readonly #sessions: SessionCache;
  readonly #names: readonly string[];

  /** Compiles nothing yet. */
  constructor(trainee: Trainee, options: HostGraphsOptions) {
    this.#trainee = trainee;
    this.#options = options;
    this.#sessions = new SessionCache(options.compile);
    this.#names = trainee.parameters.map(({ name }) => name);
  }

  /** See {@linkcode HostGraphs.accumulate}. */
  async accumulate(
    batch: MicroBatch,
    { tokenWeight, seed }: AccumulateOptions,
  ): Promise<number> {
    const { session, model } = await this.#graph(batch, true);
    const { weights, frozen, gradients } = this.#options.tensors;
    const { hiddenSize, vocabSize } = this.#trainee.model;
    const alpha = this.#options.regularization?.neftuneAlpha ?? null;
    const feeds = {
      ...weights,
      ...frozen,
      ...dropoutMasks(model, dropoutRate(this.#trainee)).draw(seed),
      ...noiseFeeds({ ...batch, alpha, seed, hiddenSize }),
      ...wholeLossFeeds(batch, { tokenWeight, vocabSize }),
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
    const { vocabSize } = this.#trainee.model;
    const { evaluated, frozen } = this.#options.tensors;
    const { loss } = await session.run({
      ...evaluated,
      ...frozen,
      ...wholeLossFeeds(batch, { tokenWeight: 1, vocabSize }),
      ...this.#sequenceFeeds(session, batch),
    });
    return scalarOf(loss);
  }

  /** Frees the compiled graphs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions[Symbol.asyncDispose]();
  }

  /** What `session` reads of positions and masks. */
  #sequenceFeeds({ inputNames }: Session, shape: BatchShape): Record<string, Tensor> {
    const feeds = Object.entries(sequenceFeeds(this.#trainee.model, shape));
    return Object.fromEntries(feeds.filter(([name]) => inputNames.includes(name)));
  }

  #graph(shape: BatchShape, training: boolean): Promise<CompiledGraph> {
    return this.#sessions.open(`${training} ${shapeKey(shape)}`, () => {
      const weights = new Map(
        this.#trainee.parameters.map(({ name, shape }) => [name, input(name, "float32", shape)]),
      );
      const { loss } = lossGraph(this.#trainee, {
        shape,
        regularization: training ? this.#options.regularization : undefined,
        values: {
          ...frozenValues(this.#trainee.frozen, this.#options.frozenDtype),
          trained: (name) => weights.get(name)!,
          dropout: training ? dropoutValues(dropoutRate(this.#trainee), "uint8") : undefined,
        },
      });
      const outputs: Record<string, Value> = { loss };
      if (training) {
        const gradients = grad(loss, [...weights.values()]);
        for (const [i, name] of this.#names.entries()) outputs[GRADIENT + name] = gradients[i]!;
      }
      return exportGraph(outputs);
    });
  }
}
