/**
 * Compiled graphs by the shape they were compiled for; those not used for longest are freed.
 *
 * @module
 */

import type { OnnxModel } from "../../engine/onnx/model.ts";
import type { Session } from "../../engine/runtime/session.ts";

/** Graphs that stay compiled; each keeps the memory of its activations. */
const MAX_SESSIONS = 6;

/** Keeps a few compiled graphs. */
export class SessionCache {
  readonly #compile: (model: OnnxModel) => Promise<Session>;
  /** In the order of their last use. */
  readonly #sessions = new Map<string, Session>();

  /** Opens a cache whose graphs `compile` compiles. */
  constructor(compile: (model: OnnxModel) => Promise<Session>) {
    this.#compile = compile;
  }

  /** Returns the session of `key`, compiling what `describe` returns if there is none. */
  async open(key: string, describe: () => OnnxModel): Promise<Session> {
    const known = this.#sessions.get(key);
    const session = known ?? await this.#compile(describe());
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    if (this.#sessions.size > MAX_SESSIONS) {
      const [oldest, unused] = this.#sessions.entries().next().value!;
      this.#sessions.delete(oldest);
      await unused[Symbol.asyncDispose]();
    }
    return session;
  }

  /** Frees all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await session[Symbol.asyncDispose]();
    this.#sessions.clear();
  }
}
