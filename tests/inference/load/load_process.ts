/**
 * The server that is loaded: `llm-training serve` as people run it, with its worker in a process that can be killed.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../../temporary_folder.ts";
import { childrenOf, residentBytes } from "../../processes.ts";

/** A server in a process of its own. */
export interface LoadProcess extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string;
  /** Kills the process that computes, if there is one just now; says whether there was. */
  kill(): Promise<boolean>;
  /** Returns how many bytes it and the process that computes take. */
  memory(): Promise<number>;
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

/** The name by which requests ask for the model. */
export const MODEL = "model";

/** Starts the server. Works on Linux. */
export async function startLoadProcess(options: LoadProcessOptions): Promise<LoadProcess> {
  const home = await temporaryFolder();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "-A"],
      fileURLToPath(new URL("../../../cli.ts", import.meta.url)),
      ...["serve", "--model", `${MODEL}=${options.model}`, "--port", "0"],
      ...["--device", options.device, "--threads", String(options.threads), "--weights", "f32"],
      ...["--cache-memory", "256", "--prefix-memory", "64"],
    ],
    env: { LLM_TRAINING_HOME: home.path },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!/at http:\S+\n/.test(text)) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`The server did not start: ${text}`);
    text += value;
  }
  return {
    url: /at (http:\S+?)(?:\/v1)?\n/.exec(text)![1]!,
    async kill() {
      const workers = await childrenOf(child.pid);
      for (const pid of workers) Deno.kill(pid, "SIGKILL");
      return workers.length > 0;
    },
    async memory() {
      const pids = [child.pid, ...await childrenOf(child.pid)];
      const sizes = await Promise.all(pids.map(residentBytes));
      return sizes.reduce((sum, bytes) => sum + bytes, 0);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await lines.cancel();
      await home[Symbol.asyncDispose]();
    },
  };
}
