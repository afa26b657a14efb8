/**
 * The command `serve` in a process of its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import OpenAI from "openai";
import { cliCommand } from "./run_cli.ts";

/** A server in a process of its own. */
export interface ServeProcess extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string;
  /** The official client. */
  readonly client: OpenAI;
  /** Asks it to end and returns its exit status, and all it said on standard error. */
  end(signal: Deno.Signal): Promise<{ readonly status: number; readonly stderr: string }>;
}

/** Options of {@linkcode startServe}. */
export interface StartServeOptions {
  /** The key that the client sends. @default {"unused"} */
  readonly apiKey?: string;
  /** Variables of its environment. @default {none} */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `serve` on a free port. */
export async function startServe(
  args: readonly string[],
  { apiKey = "unused", env = {} }: StartServeOptions = {},
): Promise<ServeProcess> {
  const [program, ...head] = cliCommand();
  const child = new Deno.Command(program, {
    args: [...head, "serve", "--port", "0", ...args],
    env,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  let line = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    line += text;
    if (line.includes("\n")) break;
  }
  const [, url] = /at (http:\S+)\/v1\n/.exec(line) ?? assert.fail(`no address in "${line}"`);
  const end = async (signal: Deno.Signal) => {
    child.kill(signal);
    return { status: (await child.status).code, stderr: await stderr };
  };
  return {
    url: url!,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 }),
    end,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // it has ended
      }
      await child.status;
      await stderr;
    },
  };
}
