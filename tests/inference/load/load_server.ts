/**
 * A server in a process of its own, whose worker can be killed: it prints its address as JSON, and for each line that it
 * reads ("kill" or "memory") what memory it takes.
 *
 * usage: deno run -A load_server.ts <model's folder> <device> <threads>
 *
 * @module
 */

import { serve } from "../../../src/inference/serve.ts";
import type { Device } from "../../../src/engine/runtime/session.ts";

const [folder, device, threads] = Deno.args as [string, Device, string];

/** What the server's process says of itself. */
export interface LoadServerMemory {
  /** Bytes of the process. */
  readonly rss: number;
}

if (import.meta.main) {
  let worker: Worker | undefined;
  await using server = await serve({
    load: {
      folder,
      id: "model",
      device,
      threads: Number(threads),
      weights: "f32",
      limits: { maxRunning: 16, maxQueue: 64, cacheBytes: 2 ** 28, prefixBytes: 2 ** 26 },
    },
    port: 0,
    createWorker: () =>
      worker = new Worker(new URL("../../../src/inference/worker.ts", import.meta.url), {
        type: "module",
      }),
  });
  const say = (value: unknown) =>
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
  say({ url: server.url });
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === "kill") worker?.terminate();
      say({ rss: Deno.memoryUsage().rss } satisfies LoadServerMemory);
    }
  }
}
