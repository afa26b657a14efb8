/**
 * Checksums as `sha256sum` prints them.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** Returns the SHA-256 of `data` in hexadecimal digits. */
export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Returns the line that `sha256sum --check` reads. */
export function checksumLine(
  { name, sha256 }: { readonly name: string; readonly sha256: string },
): string {
  return `${sha256}  ${name}\n`;
}
