/**
 * Clients that load a server: patient ones, slow ones, those that leave and those that send nonsense.
 *
 * @module
 */

import { connect } from "node:net";
import { once } from "node:events";

/** How a request ended. */
export type Outcome =
  | "right"
  | "refused"
  | "broken"
  | "left"
  | "wrong";

/** A request's end; `detail` says what is wrong. */
export interface Ending {
  /** How it ended. */
  readonly outcome: Outcome;
  /** What was answered instead of what should have been. */
  readonly detail?: string;
}

/** What clients know. */
export interface ClientContext {
  /** Where the server listens. */
  readonly url: string;
  /** Prompts and what the model makes of them, alone. */
  readonly texts: readonly { readonly prompt: string; readonly expected: string }[];
  /** The embedding of each prompt. */
  readonly vectors: readonly (readonly number[])[];
  /** Draws a number from 0 to 1. */
  readonly random: () => number;
}

/** Every kind of client. */
export const CLIENT_KINDS = [
  "whole",
  "streamed",
  "slow",
  "leaving",
  "malformed",
  "embedding",
] as const;

/** A kind of client. */
export type ClientKind = (typeof CLIENT_KINDS)[number];

/** Sends one request. */
type Client = (context: ClientContext) => Promise<Ending>;

/** What each kind does with a request. */
export const CLIENTS: Readonly<Record<ClientKind, Client>> = {
  whole: askWhole,
  streamed: (context) => askStreamed(context, { pauseMs: 0 }),
  slow: (context) => askStreamed(context, { pauseMs: 100 }),
  leaving: askAndLeave,
  malformed: sendNonsense,
  embedding: askEmbedding,
};

/** Tokens of each text. */
export const TEXT_TOKENS = 24;

/** Returns the body of a request for a text. */
export function textBody(prompt: string, stream = false): string {
  return JSON.stringify({
    model: "model",
    prompt,
    max_tokens: TEXT_TOKENS,
    temperature: 0,
    ignore_eos: true,
    stream,
  });
}

/** Sends a body. */
export function post(
  url: string,
  { body, signal = null }: { readonly body: string; readonly signal?: AbortSignal | null },
): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(url, { method: "POST", headers, body, signal });
}

function pick({ texts, random }: ClientContext): ClientContext["texts"][number] {
  return texts[Math.floor(random() * texts.length)]!;
}

/** An answer that says in OpenAI's form that the server cannot answer now. */
async function refusal(response: Response): Promise<Ending> {
  const text = await response.text();
  const isKnown = response.status === 429 || response.status === 503;
  if (isKnown && typeof JSON.parse(text).error?.message === "string") return { outcome: "refused" };
  return { outcome: "wrong", detail: `status ${response.status}: ${text}` };
}

async function askWhole(context: ClientContext): Promise<Ending> {
  const { prompt, expected } = pick(context);
  const response = await post(`${context.url}/v1/completions`, { body: textBody(prompt) });
  if (response.status !== 200) return await refusal(response);
  const { choices: [choice] } = await response.json();
  if (choice.text === expected) return { outcome: "right" };
  return { outcome: "wrong", detail: `${prompt} → ${choice.text} instead of ${expected}` };
}

async function askStreamed(
  context: ClientContext,
  { pauseMs }: { readonly pauseMs: number },
): Promise<Ending> {
  const { prompt, expected } = pick(context);
  const response = await post(`${context.url}/v1/completions`, { body: textBody(prompt, true) });
  if (response.status !== 200) return await refusal(response);
  let text = "";
  let isFinished = false;
  for await (const event of eventsOf(response)) {
    if (event === "[DONE]") continue;
    const { choices, error } = JSON.parse(event);
    if (error !== undefined) return { outcome: "broken" };
    text += choices[0]?.text ?? "";
    isFinished ||= typeof choices[0]?.finish_reason === "string";
    if (pauseMs > 0) await pause(context.random() * 2 * pauseMs);
  }
  if (isFinished && text === expected) return { outcome: "right" };
  return { outcome: "wrong", detail: `${prompt} → ${text} (finished: ${isFinished})` };
}

async function* eventsOf({ body }: Response): AsyncGenerator<string, void, void> {
  let rest = "";
  for await (const piece of body!.pipeThrough(new TextDecoderStream())) {
    const events = (rest + piece).split("\n\n");
    rest = events.pop()!;
    for (const event of events) yield event.replace(/^data: /, "");
  }
}

async function askAndLeave(context: ClientContext): Promise<Ending> {
  const controller = new AbortController();
  const { prompt } = pick(context);
  const body = textBody(prompt, context.random() < 0.5);
  const timer = setTimeout(() => controller.abort(), context.random() * 200);
  try {
    const { signal } = controller;
    const response = await post(`${context.url}/v1/completions`, { body, signal });
    if (response.status !== 200) return await refusal(response);
    await response.text();
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  return { outcome: "left" };
}

/** Bodies that are refused, and with what status. */
const NONSENSE: readonly (readonly [body: string, status: number])[] = [
  ["", 400],
  ["{", 400],
  ["[]", 400],
  ['{"model":"model"}', 400],
  ['{"model":"other","prompt":"a"}', 404],
  ['{"model":"model","prompt":{"a":1}}', 400],
  ['{"model":"model","prompt":[1,2,99999999]}', 400],
  ['{"model":"model","prompt":"a","max_tokens":-1}', 400],
  ['{"model":"model","prompt":"a","temperature":"hot"}', 400],
  ['{"model":"model","prompt":"a","response_format":{"type":"json_schema"}}', 400],
  [`{"model":"model","prompt":"${"long ".repeat(5000)}"}`, 400],
  [`{"model":"model","prompt":"\\ud800","max_tokens":0,"logprobs":"x"}`, 400],
];

async function sendNonsense(context: ClientContext): Promise<Ending> {
  const { url, random } = context;
  if (random() < 0.2) return await sendHalf(url);
  const [body, status] = NONSENSE[Math.floor(random() * NONSENSE.length)]!;
  const response = await post(`${url}/v1/completions`, { body });
  if (response.status !== status) {
    const ending = await refusal(response);
    return ending.outcome === "wrong"
      ? { outcome: "wrong", detail: `${body.slice(0, 100)}: ${ending.detail}` }
      : ending;
  }
  const { error } = await response.json();
  return typeof error.message === "string"
    ? { outcome: "right" }
    : { outcome: "wrong", detail: `no error for ${body.slice(0, 100)}` };
}

/** Begins a request and goes away in the middle of its body. */
async function sendHalf(url: string): Promise<Ending> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\n` +
      `Content-Length: 1000\r\n\r\n{"model":"model","pro`,
  );
  await pause(20);
  socket.destroy();
  return { outcome: "left" };
}

async function askEmbedding(context: ClientContext): Promise<Ending> {
  const at = Math.floor(context.random() * context.texts.length);
  const body = JSON.stringify({ model: "model", input: context.texts[at]!.prompt });
  const response = await post(`${context.url}/v1/embeddings`, { body });
  if (response.status !== 200) return await refusal(response);
  const { data: [{ embedding }] } = await response.json();
  const expected = context.vectors[at]!;
  const isSame = expected.every((x, i) => Math.abs(x - embedding[i]) < 1e-4);
  return isSame ? { outcome: "right" } : { outcome: "wrong", detail: `another embedding of ${at}` };
}

/** Waits. */
export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
