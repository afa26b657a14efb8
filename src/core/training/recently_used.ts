/**
 * Keeps a few things that take memory; those not used for longest are freed.
 *
 * @module
 */

/** Keeps the things that were used last. */
export class RecentlyUsed<T extends AsyncDisposable> {
  readonly #limit: number;
  /** In the order of their last use. */
  readonly #kept = new Map<string, T>();

  /** Keeps at most `limit` things. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Returns the thing of `key`, made by `create` if there is none. */
  async open(key: string, create: () => Promise<T> | T): Promise<T> {
    const thing = this.#kept.get(key) ?? await create();
    this.#kept.delete(key);
    this.#kept.set(key, thing);
    if (this.#kept.size > this.#limit) {
      const [oldest, unused] = this.#kept.entries().next().value!;
      this.#kept.delete(oldest);
      await unused[Symbol.asyncDispose]();
    }
    return thing;
  }

  /** Frees all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const thing of this.#kept.values()) await thing[Symbol.asyncDispose]();
    this.#kept.clear();
  }
}
