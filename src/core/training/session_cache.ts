/**
 * Compiled graphs by the shape they were compiled for; those not used for longest are freed.
 *
 * @module
 */

import type { OnnxModel } from "../../engine/onnx/model.ts";
import type { Session } from "../../engine/runtime/session.ts";
import { RecentlyUsed } from "./recently_used.ts";

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
  readonly #graphs = new RecentlyUsed<CompiledGraph & AsyncDisposable>(MAX_SESSIONS);

  /** Opens a cache whose graphs `compile` compiles. */
  constructor(compile: (model: OnnxModel) => Promise<Session>) {
    this.#compile = compile;
  }

  /** Returns the graph of `key`, compiling what `describe` returns if there is none. */
  async open(key: string, describe: () => OnnxModel): Promise<CompiledGraph> {
    return await this.#graphs.open(key, async () => {
      const model = describe();
      const session = await this.#compile(model);
      return {
        model: withoutTensors(model),
        session,
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
    });
  }

  /** Frees all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#graphs[Symbol.asyncDispose]();
  }
}

/** Constants live on in the compiled graph; kept here as well, they would only take memory. */
function withoutTensors(model: OnnxModel): OnnxModel {
  return { inputs: model.inputs, outputs: model.outputs, nodes: [], initializers: new Map() };
}
