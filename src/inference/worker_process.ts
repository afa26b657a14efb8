/**
 * A worker in a process of its own: when its memory runs out or its native code crashes, it alone ends.
 *
 * @module
 */

import { decodeFrames, encodeFrame } from "./message_frames.ts";
import type { WorkerHandle } from "./worker_connection.ts";
import { type HostPort, hostService, type LoadModel } from "./worker_host.ts";
import type { WorkerRequest } from "./worker_protocol.ts";

/** Starts a program that calls {@linkcode hostProcess} on its standard input and output. */
export function startWorkerProcess(
  [program, ...args]: readonly [string, ...string[]],
): WorkerHandle {
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const requests = child.stdin.getWriter();
  const events = new EventTarget();
  const end = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // it has ended
    }
  };
  // It would end by itself as its input ends, but not while it computes
  globalThis.addEventListener("unload", end);
  const receive = async () => {
    for await (const data of decodeFrames(child.stdout)) {
      events.dispatchEvent(new MessageEvent("message", { data }));
    }
  };
  const ended = (async () => {
    await receive().catch(() => {}); // what is no message is heard of by its silence
    const status = await child.status;
    globalThis.removeEventListener("unload", end);
    await requests.abort().catch(() => {});
    return describeEnd(status);
  })();
  return Object.assign(events, {
    ended,
    postMessage(request: unknown) {
      requests.write(encodeFrame(request)).catch(() => {}); // a process that has ended does not hear it
    },
    terminate: end,
  });
}

/** Signals of a process that the system ends, or that ends itself as it cannot go on. */
const MEMORY_SIGNALS: readonly string[] = ["SIGKILL", "SIGABRT", "SIGTRAP", "SIGILL"];

/** Says how a worker's process ended. */
export function describeEnd({ code, signal }: Deno.CommandStatus): string {
  if (signal === null) return `the worker's process ended with status ${code}`;
  const cause = MEMORY_SIGNALS.includes(signal) ? "; its memory may have run out" : "";
  return `the worker's process was ended by ${signal}${cause}`;
}

/** What a process reads and writes. */
export interface ProcessStreams {
  /** Standard input. */
  readonly input: ReadableStream<Uint8Array>;
  /** Standard output, to which nothing else is written. */
  readonly output: { writeSync(bytes: Uint8Array): number };
}

/** Answers what comes in from the process that started this one, until its input ends. */
export async function hostProcess(
  { input, output }: ProcessStreams,
  loadModel: LoadModel,
): Promise<void> {
  const port: HostPort = {
    onmessage: null,
    postMessage(reply) {
      let frame = encodeFrame(reply);
      while (frame.length > 0) frame = frame.subarray(output.writeSync(frame));
    },
  };
  hostService(port, loadModel);
  for await (const data of decodeFrames(input)) {
    port.onmessage?.(new MessageEvent("message", { data: data as WorkerRequest }));
  }
}
