/**
 * Who is let in, and how much of the server each may use.
 *
 * @module
 */

import type { MiddlewareHandler } from "hono";
import type { ApiKey, KeyRole } from "../keys/key_file.ts";
import type { KeyRing } from "../keys/key_ring.ts";
import { ApiError } from "./api_error.ts";

/** Options of {@linkcode createAccess}. */
export interface AccessOptions {
  /** The keys that are good; without them everybody may use what `read` keys open, and nobody the rest. */
  readonly keys: KeyRing | undefined;
  /** Reads the time, in milliseconds since the epoch. */
  readonly clock: () => number;
}

/** Lets requests in. */
export interface Access {
  /** Lets requests in whose key has the role, within the limits of the key. */
  require(role: KeyRole): MiddlewareHandler;
  /** Returns the id of the key that a request was let in with. */
  keyIdOf(request: Request): string | undefined;
}

/** What the holder of a key has used. */
interface Use {
  /** Requests that may come at once; it fills again as time goes by. */
  tokens: number;
  /** When that was true. */
  atMs: number;
  /** Requests that run. */
  running: number;
}

const MAY: Readonly<Record<KeyRole, readonly KeyRole[]>> = {
  read: ["read"],
  admin: ["read", "admin"],
};

/** Creates what lets requests in. */
export function createAccess({ keys, clock }: AccessOptions): Access {
  const uses = new Map<string, Use>();
  const owners = new WeakMap<Request, string>();
  return {
    keyIdOf: (request) => owners.get(request),
    require: (role) => async (c, next) => {
      if (keys === undefined) {
        if (role === "read") return await next();
        throw new ApiError(
          403,
          "This server has no keys, and without one of an admin nobody may change it: make one with " +
            "llm-training keys create <name> --role admin, and start it again",
          { code: "admin_needs_keys" },
        );
      }
      const key = await identify(keys, c.req.header("authorization"));
      owners.set(c.req.raw, key.id);
      if (!MAY[key.role].includes(role)) {
        throw new ApiError(
          403,
          `This needs a key with the role "${role}"; the key sent has "${key.role}"`,
          {
            code: "insufficient_role",
          },
        );
      }
      const use = uses.get(key.id) ?? { tokens: Infinity, atMs: clock(), running: 0 };
      uses.set(key.id, use);
      take(use, key, clock());
      use.running++;
      const release = once(() => use.running--);
      try {
        await next();
      } catch (error) {
        release();
        throw error;
      }
      if (c.res.headers.get("content-type")?.startsWith("text/event-stream") && c.res.body) {
        const { status, headers } = c.res;
        c.res = new Response(onEnd(c.res.body, release), { status, headers });
      } else {
        release();
      }
    },
  };
}

async function identify(keys: KeyRing, header: string | undefined): Promise<ApiKey> {
  const [, secret] = /^Bearer +(.+)$/i.exec(header ?? "") ?? [];
  const key = secret === undefined ? undefined : await keys.find(secret.trim());
  if (key !== undefined) return key;
  throw new ApiError(
    401,
    secret === undefined
      ? 'The API key is missing: send "Authorization: Bearer <key>"'
      : "The API key is wrong",
    { code: "invalid_api_key", headers: { "www-authenticate": "Bearer" } },
  );
}

/** Counts a request, or refuses it. */
function take(use: Use, key: ApiKey, nowMs: number): void {
  const { requestsPerMinute: rate, maxConcurrent } = key;
  if (maxConcurrent !== null && use.running >= maxConcurrent) {
    throw tooMany(`${maxConcurrent} requests of this key are running, its limit`, 1);
  }
  if (rate === null) return;
  const perMs = rate / 60_000;
  use.tokens = Math.min(rate, use.tokens + Math.max(0, nowMs - use.atMs) * perMs);
  use.atMs = nowMs;
  if (use.tokens < 1) {
    throw tooMany(
      `This key may make ${rate} requests a minute`,
      Math.ceil((1 - use.tokens) / perMs / 1000),
    );
  }
  use.tokens--;
}

function tooMany(reason: string, afterSeconds: number): ApiError {
  return new ApiError(429, `${reason}; try again in ${afterSeconds} s`, {
    code: "rate_limit_exceeded",
    headers: { "retry-after": String(afterSeconds) },
  });
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}

/** Returns the same stream, which tells when it has ended or was left. */
function onEnd(body: ReadableStream<Uint8Array>, told: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { value, done } = await reader.read();
        if (!done) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      told();
    },
    async cancel(reason) {
      told();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
