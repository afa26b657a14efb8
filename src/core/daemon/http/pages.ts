/**
 * Lists in pages, as OpenAI's API has them.
 *
 * @module
 */

import type { Context } from "hono";
import { ApiError } from "../../../inference/http/api_error.ts";

/** A page of a list. */
export interface Page<T> {
  /** What this is. */
  readonly object: "list";
  /** The items. */
  readonly data: readonly T[];
  /** Whether there are more. */
  readonly has_more: boolean;
  /** Id of the first item; null if there is none. */
  readonly first_id: string | null;
  /** Id of the last item; null if there is none. */
  readonly last_id: string | null;
}

/** What a request wants of a list. */
export interface PageQuery {
  /** The most items of a page. */
  readonly limit: number;
  /** Only items after the one with this id. */
  readonly after: string | undefined;
}

/**
 * Reads `limit` and `after` of a request.
 *
 * @throws {ApiError} If the limit is none.
 */
export function pageQuery(
  c: Context,
  { limit: usual, max }: { readonly limit: number; readonly max: number },
): PageQuery {
  const text = c.req.query("limit");
  const limit = text === undefined ? usual : Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > max) {
    throw new ApiError(400, `Cannot read "limit": it must be a whole number from 1 to ${max}`, {
      param: "limit",
      code: "invalid_value",
    });
  }
  return { limit, after: c.req.query("after") };
}

/**
 * Cuts a page out of a list.
 *
 * @throws {ApiError} If no item has the id that the page comes after.
 */
export function pageOf<T extends { readonly id: string }>(
  items: readonly T[],
  { limit, after }: PageQuery,
): Page<T> {
  const start = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) {
    throw new ApiError(404, `There is no item "${after}" in this list`, {
      param: "after",
      code: "not_found",
    });
  }
  const data = items.slice(start, start + limit);
  return {
    object: "list",
    data,
    has_more: start + limit < items.length,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}
