/**
 * The process of `load_server.ts`, as those who load it see it.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { LoadServerMemory } from "./load_server.ts";

/** A server in a process of its own. */
export interface LoadProcess extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string;
  /** Kills the worker that computes. */
  kill(): Promise<LoadServerMemory>;
  /** Returns what memory it takes. */
  memory(): Promise<LoadServerMemory>;
}

/** Options of {@linkcode startLoadProcess}. */
export interface LoadProcessOptions {
  /** The model's folder. */
  readonly model: string;
  /** Where to run it. */
  readonly device: string;
  /** CPU threads. */
  readonly threads: number;
}

/** Starts the server. */
export async function startLoadProcess(options: LoadProcessOptions): Promise<LoadProcess> {
  const { model, device, threads } = options;
  const entry = fileURLToPath(new URL("load_server.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", entry, model, device, String(threads)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = child.stdin.getWriter();
  const lines = linesOf(child.stdout);
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("the server has ended");
    return JSON.parse(value);
  };
  let last: Promise<unknown> = Promise.resolve();
  const ask = (line: string): Promise<LoadServerMemory> => {
    const answer = last.then(async () => {
      await input.write(new TextEncoder().encode(`${line}\n`));
      return await next();
    });
    last = answer.catch(() => {});
    return answer;
  };
  const { url } = await next();
  return {
    url,
    kill: () => ask("kill"),
    memory: () => ask("memory"),
    async [Symbol.asyncDispose]() {
      await last;
      await input.close();
      await child.status;
      await lines.return();
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
