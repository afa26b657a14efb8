/**
 * What is remembered of a request: neither what it asks nor what it is answered.
 *
 * @module
 */

/** A request that was answered. */
export interface AccessEntry {
  /** When it came, in milliseconds since the epoch. */
  readonly timeMs: number;
  /** Its method. */
  readonly method: string;
  /** Its path, without a query. */
  readonly path: string;
  /** The status of the answer. */
  readonly status: number;
  /** Time until the answer, or the first of a streamed one, was there. */
  readonly durationMs: number;
  /** The id of the key that was sent, if it was a good one. */
  readonly keyId: string | undefined;
}
