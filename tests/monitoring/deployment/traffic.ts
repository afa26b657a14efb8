/**
 * Clients that ask an alias all the time: witnesses of what users see.
 *
 * @module
 */

import { READ_KEY, type TestHost } from "./test_host.ts";

/** What a client saw. */
export interface Seen {
  /** The status; null where there was no answer. */
  readonly status: number | null;
  /** The model that answered, by its hash. */
  readonly hash: string | null;
  /** Whether the host was there all the time. */
  readonly wasThere: boolean;
  /** What was answered instead of a text. */
  readonly error: string | null;
}

/** Clients that ask. */
export interface Traffic extends AsyncDisposable {
  /** What they saw. */
  readonly seen: readonly Seen[];
  /** What they saw that no user should: requests that failed though the host was there. */
  readonly failures: readonly Seen[];
  /** Ends it. */
  stop(): Promise<void>;
}

/** Has clients ask `alias` of `host`, one request after the other each. */
export function startTraffic(
  host: TestHost,
  { alias = "champion", clients = 2 }: { readonly alias?: string; readonly clients?: number } = {},
): Traffic {
  const seen: Seen[] = [];
  let isOver = false;
  const ask = async (): Promise<void> => {
    while (!isOver) {
      const before = host.models;
      const found = await once(host, alias);
      seen.push({ ...found, wasThere: before !== undefined && before === host.models });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const running = Array.from({ length: clients }, ask);
  const stop = async () => {
    isOver = true;
    await Promise.all(running);
  };
  return {
    seen,
    get failures() {
      return seen.filter(({ status, wasThere }) => wasThere && status !== 200);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Asks once. */
export async function once(host: TestHost, model: string): Promise<Omit<Seen, "wasThere">> {
  try {
    const response = await fetch(`${host.url}/v1/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${READ_KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ model, prompt: [[1, 2, 3]], max_tokens: 1, temperature: 0 }),
    });
    const body = await response.json();
    const hash = response.ok ? body.system_fingerprint : null;
    return { status: response.status, hash, error: response.ok ? null : JSON.stringify(body) };
  } catch (error) {
    return { status: null, hash: null, error: String(error) };
  }
}
