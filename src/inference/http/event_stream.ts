/**
 * Server-sent events as OpenAI's API sends them: JSON objects, then `[DONE]`.
 *
 * @module
 */

import { toApiError } from "./api_error.ts";

/** Options of {@linkcode eventStream}. */
export interface EventStreamOptions {
  /** Called when the client leaves before the end. */
  readonly onLeave: () => void;
  /** Is told of an error that ended the stream. */
  readonly onError: (error: unknown) => void;
}

/** Returns a response that sends `chunks`; an error becomes the last event. */
export function eventStream(chunks: AsyncIterable<unknown>, options: EventStreamOptions): Response {
  const iterator = chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const send = (data: string) => controller.enqueue(encoder.encode(`data: ${data}\n\n`));
      try {
        const { value, done } = await iterator.next();
        send(done ? "[DONE]" : JSON.stringify(value));
        if (done) controller.close();
      } catch (error) {
        options.onError(error);
        send(JSON.stringify({ error: toApiError(error).body }));
        controller.close();
      }
    },
    cancel() {
      options.onLeave();
    },
  }, { highWaterMark: 0 });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-accel-buffering": "no", // nginx would collect the events
    },
  });
}
