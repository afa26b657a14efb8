/**
 * A lock that a thread holds as long as it lives, so that another one hears of its end: of a worker that is killed there
 * is no event.
 *
 * @module
 */

/** What is used of the Web Locks API, which Deno has and its types lack. */
interface Locks {
  request(
    name: string,
    options: { readonly signal?: AbortSignal },
    callback: () => Promise<void> | void,
  ): Promise<void>;
}

/** Resolves when this thread holds the lock `name`, which is given back only when it ends. */
export async function holdForLife(name: string): Promise<void> {
  const held = Promise.withResolvers<void>();
  void locks().request(name, {}, () => {
    held.resolve();
    return new Promise<never>(() => {});
  });
  await held.promise;
}

/** Calls `onEnd` when the thread that holds the lock `name` has ended, unless `signal` fires before. */
export function watchLife(
  name: string,
  { signal, onEnd }: { readonly signal: AbortSignal; readonly onEnd: () => void },
): void {
  // Rejected when it is called off, which whoever does that knows.
  locks().request(name, { signal }, onEnd).catch(() => {});
}

function locks(): Locks {
  return (navigator as unknown as { readonly locks: Locks }).locks;
}
