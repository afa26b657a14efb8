/**
 * Checksums of files on the hub: SHA-256 of large ones, and of small ones what git calls a blob's SHA-1.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** Sums up the bytes of a file as they come. */
export interface Checksum {
  /** Adds bytes. */
  update(bytes: Uint8Array): void;
  /** Ends the sum: whether it is the one that was expected. */
  matches(): boolean;
}

/**
 * Returns a checksum that expects `etag`, the tag by which the hub names a file of `sizeBytes`.
 *
 * A server that is no hub may tag files otherwise; such a file is held to its size alone.
 */
export function expectChecksum(etag: string, { sizeBytes }: { sizeBytes: number }): Checksum {
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(etag)) {
    return { update() {}, matches: () => true };
  }
  const isGitBlob = etag.length === 40;
  const hash = createHash(isGitBlob ? "sha1" : "sha256");
  if (isGitBlob) hash.update(`blob ${sizeBytes}\0`);
  return {
    update: (bytes) => void hash.update(bytes),
    matches: () => hash.digest("hex") === etag,
  };
}
