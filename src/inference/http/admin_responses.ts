/**
 * The schemas of what the admin's routes answer.
 *
 * @module
 */

import type { z } from "@hono/zod-openapi";
import { accessResponses, error } from "./responses.ts";

const ERRORS = {
  400: error("The request cannot be read, or names a place outside of the model root"),
  404: error("There is none of this name"),
  409: error("It is in use, has other content, or somebody else has changed it"),
  412: error("It has another revision than the one that was expected"),
  413: error("The request is too large"),
  415: error("The request is not JSON"),
  422: error("The content is another one, or cannot be loaded"),
  500: error("The server failed"),
  502: error("A file cannot be fetched"),
  503: error("Not now; try again after Retry-After"),
  507: error("There is no room for it"),
};

type AdminStatus = keyof typeof ERRORS;

/** Statuses that a route with a body may end in. */
const BODY = [413, 415] as const;

/** Statuses that any route may end in. */
const ANY = [500, 503] as const;

/** The errors that an admin's route may end in: those of any, and `statuses`; with 400 it has a body or a query. */
export function adminResponses<const S extends AdminStatus = never>(
  ...statuses: readonly S[]
): typeof accessResponses & Pick<typeof ERRORS, S> {
  const all: readonly AdminStatus[] = [
    ...statuses,
    ...(statuses.some((each) => each === 400) ? BODY : []),
    ...ANY,
  ];
  const entries = all.map((status) => [status, ERRORS[status]] as const);
  return { ...accessResponses, ...(Object.fromEntries(entries) as Pick<typeof ERRORS, S>) };
}

/** Describes an answer or a body of JSON. */
export function json<T extends z.ZodType>(schema: T, description: string): {
  description: string;
  content: { "application/json": { schema: T } };
} {
  return { description, content: { "application/json": { schema } } };
}

/** Describes an answer without a body. */
export function noContent(description: string): { description: string } {
  return { description };
}
