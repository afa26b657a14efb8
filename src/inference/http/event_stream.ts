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
  /** Whether events have their type as their name, and no last one says that it is done. @default {false} */
  readonly isNamed?: boolean;
  /** Is told of an error that ended the stream. */
  readonly onError: (error: unknown) => void;
}

/** Returns a response that sends `chunks`; an error becomes the last event. */
export function eventStream(chunks: AsyncIterable<unknown>, options: EventStreamOptions): Response {
  const iterator = chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let hasLeft = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const send = (data: string) => controller.enqueue(encoder.encode(`data: ${data}\n\n`));
      try {
        const { value, done } = await iterator.next();
        if (options.isNamed) {
          if (!done) controller.enqueue(encoder.encode(`event: ${typeOf(value)}\n`));
        } else if (done) send("[DONE]");
        if (!done) send(JSON.stringify(value));
        else controller.close();
      } catch (error) {
        if (hasLeft) return; // whose leaving ended it
        options.onError(error);
        send(JSON.stringify({ error: toApiError(error).body }));
        controller.close();
      }
    },
    cancel() {
      hasLeft = true;
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

function typeOf(event: unknown): string {
  return typeof event === "object" && event !== null && "type" in event
    ? String(event.type)
    : "message";
}
