/**
 * Hearing at once of what happens in a folder; whoever listens also looks from time to time, as not every file system
 * tells.
 *
 * @module
 */

/** Tells `onChange` of changes in `folder` and below until disposed. */
export function watchFolder(folder: string, onChange: () => void): Disposable {
  let watcher: Deno.FsWatcher;
  try {
    watcher = Deno.watchFs(folder);
  } catch {
    return { [Symbol.dispose]() {} }; // a file system that tells nothing, or too many watchers
  }
  void (async () => {
    try {
      for await (const { kind } of watcher) if (kind !== "access") onChange();
    } catch {
      // it tells nothing any more
    }
  })();
  return { [Symbol.dispose]: () => watcher.close() };
}
