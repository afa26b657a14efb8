/**
 * Node's transforms (decompression, CSV) over an iteration of chunks: what comes out of a chunk is passed on before the
 * next is put in, so that memory stays bounded and nothing runs on when the reader leaves.
 *
 * @module
 */

import type { Transform } from "node:stream";

/** Yields what `transform` makes of `chunks`, in lists. */
export async function* transformChunks<T>(
  chunks: AsyncIterable<Uint8Array>,
  transform: Transform,
): AsyncGenerator<T[], void> {
  let ready: T[] = [];
  let failure: { readonly error: unknown } | undefined;
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => stop = resolve);
  transform.on("data", (item: T) => ready.push(item));
  transform.on("error", (error) => {
    failure = { error };
    stop();
  });
  transform.on("end", stop);
  const take = (): T[] => {
    const items = ready;
    ready = [];
    return items;
  };
  try {
    for await (const chunk of chunks) {
      const written = new Promise<void>((resolve) => transform.write(chunk, () => resolve()));
      await Promise.race([written, stopped]);
      if (ready.length > 0) yield take();
      if (failure !== undefined) throw failure.error;
    }
    transform.end();
    await stopped;
    if (ready.length > 0) yield take();
    if (failure !== undefined) throw failure.error;
  } finally {
    transform.destroy();
  }
}
