/**
 * One request to the hub, with the redirects that lead to where files are stored.
 *
 * The token is sent to the hub itself and nowhere else: large files are redirected to other hosts, whose
 * addresses carry a signature of their own.
 *
 * @module
 */

import { cannotDownload, type HubSubject, refusedError } from "./hub_error.ts";

/** Options of {@linkcode request}. */
export interface RequestOptions {
  /** What is asked for, and with which token. */
  readonly subject: HubSubject;
  /** HEAD asks for what is known of a file. @default {"GET"} */
  readonly method?: "GET" | "HEAD";
  /** First byte that is wanted. @default {0} */
  readonly from?: number;
  /** Whether redirects to other hosts are followed. @default {true} */
  readonly leaveHub?: boolean;
  /** Ends the request, and the reading of its answer. */
  readonly signal: AbortSignal;
}

/** An answer, and those that redirected to it. */
export interface Answer {
  /** The last answer: a success, or a redirect to a host that was not to be asked. */
  readonly response: Response;
  /** Returns the header `name` of the first answer that has it. */
  header(name: string): string | undefined;
}

/** A refusal that may not last: the server is busy. */
export class BusyError extends Error {
  /** How long the server asks to wait. */
  readonly retryAfterMs: number;

  /** Wraps the refusal, which is the `cause`. */
  constructor(response: Response, cause: Error) {
    super(cause.message, { cause });
    this.retryAfterMs = Math.max(0, Number(response.headers.get("retry-after")) || 0) * 1000;
  }
}

const MAX_REDIRECTS = 10;

/**
 * Asks for `address`, which lies on the hub.
 *
 * @throws {UserError} If the hub refuses.
 * @throws {BusyError} If it refuses for now.
 */
export async function request(address: string, options: RequestOptions): Promise<Answer> {
  const { subject, method = "GET", from = 0, leaveHub = true, signal } = options;
  const { endpoint, token } = subject.settings;
  const hub = new URL(endpoint).origin;
  const seen: Headers[] = [];
  let url = new URL(address);
  while (seen.length < MAX_REDIRECTS) {
    const headers = new Headers({ "accept-encoding": "identity", "user-agent": "llm-training" });
    if (token !== undefined && url.origin === hub) headers.set("authorization", `Bearer ${token}`);
    if (from > 0) headers.set("range", `bytes=${from}-`);
    const response = await fetch(url, { method, headers, redirect: "manual", signal });
    seen.push(response.headers);
    const location = response.headers.get("location");
    const next = isRedirect(response) && location !== null ? URL.parse(location, url) : null;
    if (next === null || (!leaveHub && next.origin !== hub)) {
      if (!response.ok && next === null) await refuse(response, subject);
      return {
        response,
        header: (name) => seen.map((each) => each.get(name)).find((it) => it !== null) ?? undefined,
      };
    }
    await response.body?.cancel();
    if (!/^https?:$/.test(next.protocol)) {
      throw cannotDownload(subject, `${url.origin} redirects to "${next.protocol}"`);
    }
    url = next;
  }
  throw cannotDownload(subject, `${hub} redirects more than ${MAX_REDIRECTS} times`);
}

async function refuse(response: Response, subject: HubSubject): Promise<never> {
  await response.body?.cancel();
  const error = refusedError(response, subject);
  const { status } = response;
  throw status === 429 || status >= 500 ? new BusyError(response, error) : error;
}

function isRedirect({ status }: Response): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}
