/**
 * Where backups lie: named blobs that appear whole or not at all, in a folder or in an S3 bucket.
 *
 * @module
 */

/** A blob as a store lists it. */
export interface BlobEntry {
  /** Its name, with slashes. */
  readonly key: string;
  /** Its size. */
  readonly sizeBytes: number;
  /** When it was written, in milliseconds since 1970. */
  readonly writtenAtMs: number;
}

/** What blobs are kept in. */
export interface BlobStore {
  /** What it is called: a path or a URL. */
  readonly name: string;
  /** How long after it was written a blob that nothing names must stay, as others may be about to name it. */
  readonly graceMs: number;
  /** Yields every blob whose name begins with `prefix`; none if there is no such place yet. */
  list(prefix: string): AsyncGenerator<BlobEntry, void>;
  /** Reads a blob; `undefined` if there is none. */
  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Writes a blob; readers see all of it or nothing. */
  put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Removes a blob; does nothing if there is none. */
  remove(key: string): Promise<void>;
  /** Removes what interrupted writes left. */
  tidy(): Promise<void>;
}
