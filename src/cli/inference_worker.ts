/**
 * The process that computes for `serve`, and how it is started.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { startWorkerProcess } from "../inference/worker_process.ts";
import type { WorkerHandle } from "../inference/worker_service.ts";
import { EXIT } from "./exit_status.ts";
import { STOP_SIGNALS } from "./interrupt.ts";
import { INFERENCE_WORKER, ownProgram } from "./own_program.ts";

/**
 * Returns what starts a worker in a process of its own, or `undefined` where the program cannot start itself: from a
 * URL, or without the right to.
 */
export async function workerStarter(): Promise<(() => WorkerHandle) | undefined> {
  const [program, ...args] = ownProgram();
  const source = args.at(-1);
  if (source !== undefined && !existsSync(source)) return undefined;
  const { state } = await Deno.permissions.query({ name: "run", command: program });
  if (state !== "granted") return undefined;
  return () => startWorkerProcess([program, ...args, INFERENCE_WORKER]);
}

/** Computes for the server that started this process, until it ends; returns the exit status. */
export async function runInferenceWorker(): Promise<number> {
  // Ctrl-C reaches all processes of a terminal: the server has it finish what runs
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, () => {});
  const { hostProcess } = await import("../inference/worker_process.ts");
  const { loadModel } = await import("../inference/generation/load_model.ts");
  await hostProcess({ input: Deno.stdin.readable, output: Deno.stdout }, loadModel);
  return EXIT.ok;
}
