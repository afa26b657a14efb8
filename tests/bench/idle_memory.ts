/**
 * The memory of a server that waits.
 *
 * @module
 */

import { childrenOf } from "../processes.ts";

/** What a process and its children hold, in bytes. */
export interface Memory {
  /** Now. */
  readonly residentBytes: number;
  /** At most, so far. */
  readonly peakBytes: number;
  /** How many processes these are. */
  readonly processes: number;
}

/** Options of {@linkcode idleMemory}. */
export interface IdleMemoryOptions {
  /** What is served. */
  readonly model: string;
  /** The home folder, which is empty at a first start. */
  readonly home: string;
}

/** Starts a server, lets it say that it is ready, and measures it. Works on Linux. */
export async function idleMemory(
  executable: string,
  { model, home }: IdleMemoryOptions,
): Promise<Memory> {
  const child = new Deno.Command(executable, {
    args: ["serve", "--model", model, "--port", "0"],
    stdout: "piped",
    stderr: "null",
    clearEnv: true,
    env: { HOME: home, TMPDIR: home },
  }).spawn();
  try {
    let text = "";
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    while (!/at (http:\S+)\n/.test(text)) {
      const { value, done } = await lines.read();
      if (done) throw new Error(`The server did not start: ${text}`);
      text += value;
    }
    const url = /at (http:\S+?)(?:\/v1)?\n/.exec(text)![1]!;
    await (await fetch(`${url}/ready`)).body?.cancel();
    const pids = [child.pid, ...await childrenOf(child.pid)];
    const memories = await Promise.all(pids.map(memoryOf));
    const sum = (key: "resident" | "peak") => memories.reduce((all, each) => all + each[key], 0);
    await lines.cancel();
    return { residentBytes: sum("resident"), peakBytes: sum("peak"), processes: pids.length };
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}

/** Resident memory now and at its peak; pages that processes share are counted for each. */
async function memoryOf(pid: number): Promise<{ resident: number; peak: number }> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const bytes = (key: string) =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)![1]) * 1024;
  return { resident: bytes("VmRSS"), peak: bytes("VmHWM") };
}
