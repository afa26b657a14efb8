/**
 * One request to a tracker's server.
 *
 * @module
 */

import { messageOf } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { TrackerRefusal } from "./tracker.ts";

/** Options of {@linkcode requestJson}. */
export interface JsonRequest {
  /** How to ask. @default {"POST"} */
  readonly method?: "GET" | "POST" | "PUT";
  /** What is sent, as JSON. */
  readonly body?: unknown;
  /** Value of the header `Authorization`. */
  readonly authorization: string | null;
  /** Ends the request. */
  readonly signal: AbortSignal;
}

/** Thrown where a server refuses what it was asked for; the answer says why. */
export class RefusedError extends TrackerRefusal {
  /** The answer's status. */
  readonly status: number;
  /** The answer, as far as it is JSON. */
  readonly answer: JsonObject;

  /** Says what was refused. */
  constructor(message: string, { status, answer }: { status: number; answer: JsonObject }) {
    super(message);
    this.status = status;
    this.answer = answer;
  }
}

/** Statuses that may be others when asked again. */
const MAY_PASS: ReadonlySet<number> = new Set([408, 409, 425, 429]);

const MAX_REASON = 200;

/**
 * Asks for `address` and returns the JSON object that is answered; `{}` if none is.
 *
 * @throws {RefusedError} If the server refuses and would again.
 * @throws {Error} If it cannot be reached or is busy.
 */
export async function requestJson(address: string, options: JsonRequest): Promise<JsonObject> {
  const { method = "POST", body, authorization, signal } = options;
  const headers = new Headers({ "user-agent": "llm-training", accept: "application/json" });
  if (authorization !== null) headers.set("authorization", authorization);
  if (body !== undefined) headers.set("content-type", "application/json");
  const { origin } = new URL(address);
  let response: Response;
  let text: string;
  try {
    response = await fetch(address, {
      method,
      headers,
      signal,
      ...body === undefined ? {} : { body: JSON.stringify(body) },
    });
    text = await response.text();
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`${origin} cannot be reached: ${networkReason(error)}`, { cause: error });
  }
  const { status } = response;
  const answer = jsonObject(text);
  if (response.ok && (answer !== undefined || text.trim() === "")) return answer ?? {};
  if (response.ok) {
    throw new RefusedError(`${origin} does not answer as a tracker does; check its address`, {
      status,
      answer: {},
    });
  }
  const message = `${origin} answers ${status}: ${reasonIn(answer ?? {}, text)}`;
  if (status >= 500 || MAY_PASS.has(status)) throw new Error(message);
  throw new RefusedError(message, { status, answer: answer ?? {} });
}

function jsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as JsonObject : undefined;
  } catch {
    return undefined;
  }
}

function reasonIn({ message, error, errors }: JsonObject, text: string): string {
  const first = Array.isArray(errors) ? (errors[0] as JsonObject | undefined)?.message : undefined;
  const reason = [message, first, error].find((each) => typeof each === "string") ?? text;
  const line = String(reason).replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ").trim();
  return line.slice(0, MAX_REASON) || "no reason is given";
}

/** The last part of what is at the bottom of it; the others name the address again. */
function networkReason(error: unknown): string {
  if (error instanceof Error && error.cause !== undefined) return networkReason(error.cause);
  const message = messageOf(error).replace(/\s*\(os error \d+\)/, "");
  return message.slice(message.lastIndexOf(": ") + 1).trim();
}
