/**
 * A trainer as a child process: the same executable, steered by lines on its standard input.
 *
 * @module
 */

import { messageOf } from "../../utils/errors.ts";
import {
  type Acknowledged,
  parseTrainerMessage,
  type RunMessage,
  type SupervisionMessage,
  type TrainerCommand,
} from "./trainer_protocol.ts";

/** How a process ended. */
export interface ProcessEnd {
  /** Its exit status. */
  readonly code: number;
  /** The signal that ended it; null if none did. */
  readonly signal: string | null;
  /** The last lines that it wrote to standard error. */
  readonly stderr: string;
}

/** A process that trains or evaluates. */
export interface TrainerProcess {
  /** Its number. */
  readonly pid: number;
  /** What it says, until its end. */
  readonly messages: AsyncIterable<SupervisionMessage | RunMessage>;
  /** How it ended; wait for it after the last message. */
  readonly end: Promise<ProcessEnd>;
  /** Gives it a command; the promise is fulfilled when that has been carried out, or with null when it has ended. */
  send(command: TrainerCommand): Promise<Acknowledged | null>;
  /** Ends it at once. */
  kill(): void;
}

/** Options of {@linkcode StartTrainer}. */
export interface StartTrainerOptions {
  /** Arguments of the program. */
  readonly args: readonly string[];
  /** Told of what it writes to standard error. */
  readonly onStderr?: (text: string) => void;
}

/** Starts a process that trains or evaluates. */
export type StartTrainer = (options: StartTrainerOptions) => TrainerProcess;

/** A program with what comes before its arguments. */
export interface TrainerProgram {
  /** The executable, and what goes before the arguments of `llm-training`. */
  readonly command: readonly [string, ...string[]];
  /** Environment variables to add. */
  readonly env: Readonly<Record<string, string>>;
  /** What names of models may be relative to: where the daemon was started does not matter. */
  readonly cwd: string;
}

const STDERR_KEPT = 4000;

/** Returns a function that starts `program`. */
export function trainerStarter({ command, env, cwd }: TrainerProgram): StartTrainer {
  const [executable, ...head] = command;
  return ({ args, onStderr = () => {} }) => {
    const child = new Deno.Command(executable, {
      args: [...head, ...args],
      env: { NO_COLOR: "1", ...env },
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    const waiting = new Map<number, (acknowledged: Acknowledged | null) => void>();
    let ids = 0;
    const stderr = collectStderr(child.stderr, onStderr);
    const end = (async () => {
      const { code, signal } = await child.status;
      for (const settle of waiting.values()) settle(null);
      waiting.clear();
      await writer.close().catch(() => {}); // its reader is gone
      return { code, signal, stderr: await stderr };
    })();
    end.catch(() => {});
    return {
      pid: child.pid,
      messages: messagesOf(child.stdout, (acknowledged) => {
        waiting.get(acknowledged.id)?.(acknowledged);
        waiting.delete(acknowledged.id);
      }),
      end,
      async send(command) {
        const id = ++ids;
        const { promise, resolve } = Promise.withResolvers<Acknowledged | null>();
        waiting.set(id, resolve);
        try {
          await writer.write(new TextEncoder().encode(`${JSON.stringify({ id, command })}\n`));
        } catch {
          resolve(null); // it has just ended
        }
        void end.then(() => resolve(null));
        return await promise;
      },
      kill() {
        try {
          child.kill("SIGKILL");
        } catch {
          // it has just ended
        }
      },
    };
  };
}

async function* messagesOf(
  stdout: ReadableStream<Uint8Array>,
  onAcknowledged: (message: Acknowledged) => void,
): AsyncGenerator<SupervisionMessage | RunMessage, void> {
  let rest = "";
  for await (
    const piece of stdout.pipeThrough(new TextDecoderStream() as never) as ReadableStream<string>
  ) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop()!; // what a killed process wrote last may be half a line
    for (const line of lines) {
      if (line.trim() === "") continue;
      const message = messageIn(line);
      if (message.kind === "acknowledged") onAcknowledged(message);
      yield message;
    }
  }
}

/** A library may print to standard output: that is told as it is. */
function messageIn(line: string): SupervisionMessage | RunMessage {
  try {
    return parseTrainerMessage(line);
  } catch (error) {
    return { kind: "event", event: { kind: "output", line, problem: messageOf(error) } };
  }
}

async function collectStderr(
  stream: ReadableStream<Uint8Array>,
  onStderr: (text: string) => void,
): Promise<string> {
  let kept = "";
  for await (
    const text of stream.pipeThrough(new TextDecoderStream() as never) as ReadableStream<string>
  ) {
    onStderr(text);
    kept = (kept + text).slice(-STDERR_KEPT);
  }
  return kept.trim();
}
