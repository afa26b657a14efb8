/**
 * A load of many clients on one server, and what became of it.
 *
 * @module
 */

import {
  CLIENT_KINDS,
  type ClientContext,
  type ClientKind,
  CLIENTS,
  type Outcome,
  pause,
  post,
  textBody,
} from "./clients.ts";
import { type LoadProcessOptions, startLoadProcess } from "./load_process.ts";

/** Options of {@linkcode runLoad}. */
export interface LoadOptions extends LoadProcessOptions {
  /** Clients that send one request after the other. */
  readonly connections: number;
  /** For how long. */
  readonly seconds: number;
  /** The worker is killed so often. */
  readonly killSeconds: number;
  /** Is told how it goes on, every few seconds. @default {nobody} */
  readonly onSample?: (sample: MemorySample) => void;
}

/** The server's memory at a time. */
export interface MemorySample {
  /** Since the load began. */
  readonly seconds: number;
  /** Bytes of the server's processes. */
  readonly bytes: number;
}

/** What became of a load. */
export interface LoadReport {
  /** Requests by client and how they ended. */
  readonly counts: Readonly<Record<ClientKind, Partial<Record<Outcome, number>>>>;
  /** What was wrong. */
  readonly wrong: readonly string[];
  /** How often the worker was killed. */
  readonly kills: number;
  /** The server's memory. */
  readonly memory: readonly MemorySample[];
  /** How fast it grew in the second half, in MiB a minute. */
  readonly slopeMibPerMinute: number;
  /** What ran and waited when all clients had left. */
  readonly left: { readonly running: number; readonly waiting: number };
  /** Whether as many requests as there are slots were answered rightly afterwards. */
  readonly answersAfterwards: boolean;
}

const PROMPTS = [
  "Once upon a time",
  "Lily went to the park",
  "Tom had a red ball",
  "The sun was",
  "One day, a little dog",
  "Ben and Mia",
  "There was a big tree",
  "“I am sad,” said the cat",
  "Sara saw a bird in the sky and",
  "Mom said",
  "The dragon",
  "It was late and the moon",
];

/** Loads a server and returns what became of it. */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { connections, seconds, killSeconds, onSample } = options;
  await using server = await startLoadProcess(options);
  const context = await prepare(server.url);
  const counts = Object.fromEntries(CLIENT_KINDS.map((kind) => [kind, {}])) as Record<
    ClientKind,
    Partial<Record<Outcome, number>>
  >;
  const wrong: string[] = [];
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  const clients = Array.from({ length: connections }, async (_, i) => {
    const kind = CLIENT_KINDS[i % CLIENT_KINDS.length]!;
    while (elapsed() < seconds) {
      const { outcome, detail = "" } = await CLIENTS[kind](context).catch((error) => ({
        outcome: "wrong" as const,
        detail: String(error),
      }));
      counts[kind][outcome] = (counts[kind][outcome] ?? 0) + 1;
      if (outcome === "wrong") wrong.push(`${kind}: ${detail}`);
      await pause(outcome === "refused" ? 100 + context.random() * 400 : 1);
    }
  });
  const memory: MemorySample[] = [];
  let kills = 0;
  const watch = async () => {
    while (elapsed() < seconds) {
      await pause(Math.min(5, seconds / 20) * 1000);
      if (elapsed() > (kills + 1) * killSeconds && elapsed() < seconds - 1) {
        if (await server.kill()) kills++;
      }
      memory.push({ seconds: elapsed(), bytes: await server.memory() });
      onSample?.(memory.at(-1)!);
    }
  };
  await Promise.all([...clients, watch()]);
  const left = await untilIdle(server.url);
  return {
    counts,
    wrong,
    kills,
    memory,
    slopeMibPerMinute: slope(memory.slice(memory.length >> 1)) * 60 / 2 ** 20,
    left,
    answersAfterwards: await answersAll(context),
  };
}

/** Asks the server, which nobody else asks yet, for what is right. */
async function prepare(url: string): Promise<ClientContext> {
  const texts: { prompt: string; expected: string }[] = [];
  const vectors: number[][] = [];
  for (const prompt of PROMPTS) {
    const { choices: [choice] } = await (await post(`${url}/v1/completions`, {
      body: textBody(prompt),
    })).json();
    texts.push({ prompt, expected: choice.text });
    const { data: [{ embedding }] } = await (await post(`${url}/v1/embeddings`, {
      body: JSON.stringify({ model: "model", input: prompt }),
    })).json();
    vectors.push(embedding);
  }
  return { url, texts, vectors, random: Math.random };
}

/** Waits until nothing runs, for half a minute at most, and returns what does. */
async function untilIdle(url: string): Promise<LoadReport["left"]> {
  let left = { running: NaN, waiting: NaN };
  for (let tries = 0; tries < 60 && !(left.running === 0 && left.waiting === 0); tries++) {
    await pause(500);
    const text = await (await fetch(`${url}/metrics`)).text();
    const gauge = (name: string) =>
      Number(new RegExp(`^llm_${name}\\{[^}]*\\} (\\S+)$`, "m").exec(text)?.[1] ?? NaN);
    left = { running: gauge("sequences_running"), waiting: gauge("sequences_waiting") };
  }
  return left;
}

/** Asks for as many texts at once as there are slots. */
async function answersAll({ url, texts }: ClientContext): Promise<boolean> {
  const answers = await Promise.all(Array.from({ length: 16 }, async (_, i) => {
    const { prompt, expected } = texts[i % texts.length]!;
    const response = await post(`${url}/v1/completions`, { body: textBody(prompt) });
    const answer = await response.json();
    return response.status === 200 && answer.choices[0].text === expected;
  }));
  return answers.every((isRight) => isRight);
}

/** The slope of a straight line through the samples, in bytes a second. */
function slope(samples: readonly MemorySample[]): number {
  if (samples.length < 2) return 0;
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [x, y] = [mean(samples.map((s) => s.seconds)), mean(samples.map((s) => s.bytes))];
  const across = samples.reduce((sum, s) => sum + (s.seconds - x) * (s.bytes - y), 0);
  return across / samples.reduce((sum, s) => sum + (s.seconds - x) ** 2, 0);
}
