/**
 * Runs one command line as somebody would who types it.
 *
 * @module
 */

import { delimiter, dirname, join } from "node:path";

/** Where a line is run. */
export interface RunLineOptions {
  /** The current folder: a clone. */
  readonly clone: string;
  /** The user's folder. */
  readonly home: string;
}

/** What came of a line. */
export interface LineResult {
  /** What went wrong; `undefined` if nothing did. */
  readonly problem: string | undefined;
  /** How long it took. */
  readonly durationMs: number;
  /** All that it printed. */
  readonly output: string;
}

/** Commands that go on until they are stopped, and what they print when they are ready. */
const SERVERS: readonly (readonly [command: RegExp, ready: RegExp])[] = [
  [/\bserve\b/, /^Serving .* at http/m],
  [/\bdaemon(?! \w)/, /takes commands at http/],
];

/** Variables of this process that a new shell of the same machine would have too. */
const KEPT = [
  "TMPDIR",
  "LANG",
  "DENORT_BIN",
  "SSL_CERT_FILE",
  "DENO_TLS_CA_STORE",
  "NODE_EXTRA_CA_CERTS",
];

/** The status of a program that a signal ended, after it had put everything in order. */
const STOPPED = 130;

const MAX_MS = 3_600_000;

/** Runs `line` to its end, or a server until it is ready and then to the end of its shutdown. */
export async function runLine(line: string, { clone, home }: RunLineOptions): Promise<LineResult> {
  const startedMs = performance.now();
  const ready = SERVERS.find(([command]) => command.test(line))?.[1];
  const child = new Deno.Command("bash", {
    // what is run is the shell's own process, so that the signal to stop gets there
    args: ["-c", ready === undefined ? line : `exec ${line}`],
    cwd: clone,
    clearEnv: true,
    env: { ...environment(), HOME: home, PATH: path(home), NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(MAX_MS),
  }).spawn();
  let output = "";
  let stopped = false;
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (stopped || !ready?.test(output)) continue;
      stopped = true;
      child.kill("SIGTERM");
    }
  };
  await Promise.all([read(child.stdout), read(child.stderr)]);
  const { code } = await child.status;
  const problem = code !== 0 && !(stopped && code === STOPPED)
    ? `status ${code}`
    : ready !== undefined && !stopped
    ? "it ended before it was ready"
    : undefined;
  return { problem, durationMs: performance.now() - startedMs, output };
}

function environment(): Record<string, string> {
  const all = Deno.env.toObject();
  return Object.fromEntries(
    KEPT.flatMap((name) => all[name] === undefined ? [] : [[name, all[name]]]),
  );
}

/** The programs of this machine, Deno, and what Deno installs for the user. */
function path(home: string): string {
  const folders = [join(home, ".deno", "bin"), dirname(Deno.execPath()), Deno.env.get("PATH")];
  return folders.filter((folder) => folder !== undefined).join(delimiter);
}
