/**
 * Compiled graphs by the shape they were compiled for; those not used for longest are freed.
 *
 * @module
 */

import type { OnnxModel } from "../../engine/onnx/model.ts";
import type { Session } from "../../engine/runtime/session.ts";

/** Graphs that stay compiled. */
export const MAX_SESSIONS = 6;

/** A compiled graph. */
export interface CompiledGraph {
  /** The graph. */
  readonly model: OnnxModel;
  /** Runs it. */
  readonly session: Session;
}

/** Keeps a few compiled graphs. */
export class SessionCache {
  readonly #compile: (model: OnnxModel) => Promise<Session>;
  /** In the order of their last use. */
  readonly #graphs = new Map<string, CompiledGraph>();

  /** Opens a cache whose graphs `compile` compiles. */
  constructor(compile: (model: OnnxModel) => Promise<Session>) {
    this.#compile = compile;
  }

  /** Returns the graph of `key`, compiling what `describe` returns if there is none. */
  async open(key: string, describe: () => OnnxModel): Promise<CompiledGraph> {
    const graph = this.#graphs.get(key) ?? await this.#add(describe());
    this.#graphs.delete(key);
    this.#graphs.set(key, graph);
    if (this.#graphs.size > MAX_SESSIONS) {
      const [oldest, unused] = this.#graphs.entries().next().value!;
      this.#graphs.delete(oldest);
      await unused.session[Symbol.asyncDispose]();
    }
    return graph;
  }

  /** Frees all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session } of this.#graphs.values()) await session[Symbol.asyncDispose]();
    this.#graphs.clear();
  }

  async #add(model: OnnxModel): Promise<CompiledGraph> {
    return { model: withoutTensors(model), session: await this.#compile(model) };
  }
}

/** Constants live on in the compiled graph; kept here as well, they would only take memory. */
function withoutTensors(model: OnnxModel): OnnxModel {
  return { inputs: model.inputs, outputs: model.outputs, nodes: [], initializers: new Map() };
}
