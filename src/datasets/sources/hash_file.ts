/**
 * The hash by which the content of a file is known again.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readChunks } from "./read_chunks.ts";

/** Options of {@linkcode hashFile}. */
export interface HashFileOptions {
  /** Told how many bytes have been read. @default {nothing is told} */
  readonly onBytes?: ((count: number) => void) | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns the SHA-256 of a file as it lies on disk, in hexadecimal digits.
 *
 * @throws {UserError} If it cannot be read.
 */
export async function hashFile(
  path: string,
  { onBytes, signal }: HashFileOptions = {},
): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readChunks(path, { signal })) {
    hash.update(chunk);
    onBytes?.(chunk.length);
  }
  return hash.digest("hex");
}
