/**
 * What is wrong with a request, said as OpenAI's API says it.
 *
 * @module
 */

import type { z } from "@hono/zod-openapi";
import { ApiError } from "./api_error.ts";

type Issue = z.core.$ZodIssue;

/** Returns the answer to a request that does not fit its schema: the first issue, with its field. */
export function validationError(error: z.ZodError): ApiError {
  const issue = innermost(error.issues[0]!);
  const param = fieldName(issue.path);
  const reason = issue.message.replace(/^Invalid input: /, "");
  const subject = param === "" ? "the request's body" : `"${param}"`;
  return new ApiError(400, `Cannot read ${subject}: ${reason}`, {
    param: param === "" ? null : param,
    code: issue.code === "invalid_type" ? "invalid_type" : "invalid_value",
  });
}

/** Of a union's issues, that of the member which came furthest. */
function innermost(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const [deepest] = issue.errors.flatMap((issues) => issues.slice(0, 1))
    .filter((inner) => inner.path.length > 0)
    .toSorted((a, b) => b.path.length - a.path.length);
  if (deepest === undefined) return issue;
  return innermost({ ...deepest, path: [...issue.path, ...deepest.path] });
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.map((key, i) =>
    typeof key === "number" ? `[${key}]` : `${i === 0 ? "" : "."}${String(key)}`
  ).join("");
}
