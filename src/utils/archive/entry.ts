/**
 * What archives hold.
 *
 * @module
 */

/** A file in an archive. */
export interface ArchiveEntry {
  /** Its path in the archive, with `/` between folders. */
  readonly name: string;
  /** Its content. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether it is a program. @default {false} */
  readonly executable?: boolean;
}

/** Options of what writes archives. */
export interface ArchiveOptions {
  /** When the files were last changed, in seconds since the epoch: the same files give the same bytes. */
  readonly modifiedSeconds: number;
}

/** Thrown when bytes are no archive, or one that was cut off or changed. */
export class ArchiveError extends Error {
  /** Name of the class. */
  override readonly name = "ArchiveError";
}
