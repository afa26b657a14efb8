/**
 * Who and what is let in.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { ApiError } from "./api_error.ts";

/** Lets requests in that carry `Authorization: Bearer <apiKey>`; the comparison takes the same time for any key. */
export function requireApiKey(apiKey: string): MiddlewareHandler {
  const expected = digest(apiKey);
  return async (c, next) => {
    const [, key] = /^Bearer +(.+)$/i.exec(c.req.header("authorization") ?? "") ?? [];
    if (key === undefined || !timingSafeEqual(digest(key.trim()), expected)) {
      throw new ApiError(
        401,
        key === undefined
          ? 'The API key is missing: send "Authorization: Bearer <key>"'
          : "The API key is wrong",
        { code: "invalid_api_key", headers: { "www-authenticate": "Bearer" } },
      );
    }
    await next();
  };
}

/**
 * Lets requests in that were addressed to one of `hosts`: a web page that has its own name point at this machine
 * is not.
 */
export function requireHost(hosts: readonly string[]): MiddlewareHandler {
  return async (c, next) => {
    const { hostname } = new URL(c.req.url);
    if (!hosts.includes(hostname)) {
      throw new ApiError(403, `This server does not answer to the name "${hostname}"`, {
        code: "wrong_host",
      });
    }
    await next();
  };
}

/** Options of {@linkcode requireJson}. */
export interface RequireJsonOptions {
  /** The paths to which bodies may be sent. @default {all} */
  readonly paths?: ReadonlySet<string>;
}

/** Lets requests in whose body is JSON; a web page may not send that to another host unasked. */
export function requireJson({ paths }: RequireJsonOptions = {}): MiddlewareHandler {
  return async (c, next) => {
    const type = c.req.header("content-type") ?? "";
    const isPosted = c.req.method === "POST" && (paths?.has(c.req.path) ?? true);
    if (isPosted && !/^application\/([\w.-]+\+)?json\b/i.test(type)) {
      throw new ApiError(415, 'The body must be JSON: send "Content-Type: application/json"', {
        code: "unsupported_media_type",
      });
    }
    await next();
  };
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
