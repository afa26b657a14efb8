/**
 * The thread that encodes rows: it is sent a tokenizer once, then one batch after another.
 *
 * @module
 */

import { createTokenizer } from "../models/tokenizer/load_tokenizer.ts";
import { messageOf, UserError } from "../utils/errors.ts";
import {
  createBatchEncoder,
  type EncodedBatch,
  type EncodeSettings,
  type PlacedRow,
} from "./encode_batch.ts";

/** What a thread is sent. */
export type EncodeMessage =
  | {
    /** How rows are encoded. */
    readonly kind: "open";
    readonly settings: Omit<EncodeSettings, "tokenizer">;
    /** The tokenizer's files; `undefined` where there is none. */
    readonly files: ReadonlyMap<string, Uint8Array> | undefined;
    readonly eosTokenIds: readonly number[];
  }
  | {
    /** Rows to be encoded. */
    readonly kind: "encode";
    readonly rows: readonly PlacedRow[];
  };

/** What a thread answers to rows. */
export type EncodeAnswer =
  | { readonly batch: EncodedBatch }
  | {
    /** Why one cannot be encoded. */
    readonly error: string;
    /** Whether a person can mend it. */
    readonly isUserError: boolean;
  };

/** Returns a function that answers messages. */
export function createEncodeService(): (message: EncodeMessage) => EncodeAnswer | undefined {
  let encode: ReturnType<typeof createBatchEncoder> | undefined;
  return (message) => {
    try {
      if (message.kind === "encode") return { batch: encode!(message.rows) };
      const { files, eosTokenIds } = message;
      const tokenizer = files && createTokenizer(files, { eosTokenIds });
      encode = createBatchEncoder({ ...message.settings, tokenizer });
      return undefined;
    } catch (error) {
      return { error: messageOf(error), isUserError: error instanceof UserError };
    }
  };
}

/** What a thread has to talk with, besides its globals. */
interface WorkerPort {
  onmessage: ((event: MessageEvent<EncodeMessage>) => void) | null;
  postMessage(answer: EncodeAnswer, transfer: Transferable[]): void;
}

function isWorkerScope(scope: unknown): scope is WorkerPort {
  return Object.prototype.toString.call(scope) === "[object DedicatedWorkerGlobalScope]";
}

const scope: unknown = globalThis;
if (isWorkerScope(scope)) {
  const service = createEncodeService();
  scope.onmessage = ({ data }) => {
    const answer = service(data);
    if (answer === undefined) return;
    const arrays = "batch" in answer
      ? [answer.batch.bytes, answer.batch.lengths, answer.batch.sizes]
      : [];
    scope.postMessage(answer, arrays.map(({ buffer }) => buffer));
  };
}
