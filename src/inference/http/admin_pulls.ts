/**
 * `/admin/pulls`: models that a server fetches.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Pull, Pulls } from "../hosting/pulls.ts";
import { adminResponses, json, noContent } from "./admin_responses.ts";

/** The most files of a folder. */
const MAX_FILES = 1000;

const PullSchema = z.object({
  folder: z.string().openapi({ description: "Its path below the model root" }),
  path: z.string().openapi({ description: "Where it lies, or will lie" }),
  files: z.int().openapi({ description: "How many files it has" }),
  bytes: z.int().openapi({ description: "Bytes of all its files" }),
  done_bytes: z.int().openapi({ description: "Of these, bytes that are there" }),
}).openapi("AdminPull");

const RequestSchema = z.strictObject({
  folder: z.string().min(1).openapi({
    description: "A relative path below the model root, where the folder appears whole",
    example: "run-7-step-1000",
  }),
  files: z.array(z.strictObject({
    path: z.string().min(1).openapi({ example: "model.safetensors" }),
    url: z.string().openapi({
      description: "By http or https; may be signed for S3",
      pattern: "^https?://",
    }),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, "it must be 64 hexadecimal digits"),
    bytes: z.int().min(0),
  })).min(1).max(MAX_FILES),
}).openapi("AdminPullRequest");

/** Adds the routes to `app`. */
export function addAdminPullRoutes(app: OpenAPIHono, pulls: Pulls): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/admin/pulls",
      summary: "List what is being fetched",
      responses: {
        200: json(
          z.object({ object: z.literal("list"), data: z.array(PullSchema) })
            .openapi("AdminPullList"),
          "What is being fetched",
        ),
        ...adminResponses(),
      },
    }),
    (c) => c.json({ object: "list" as const, data: pulls.running.map(shown) }, 200),
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/admin/pulls",
      summary: "Fetch a folder into the model root",
      description:
        "Answers when it is there. It goes on though the client leaves, and who asks again for the same waits for it; " +
        "what was broken off is taken up again.",
      request: { body: { required: true, ...json(RequestSchema, "The folder") } },
      responses: {
        200: json(PullSchema, "It was there already"),
        201: json(PullSchema, "It is there"),
        ...adminResponses(400, 409, 422, 502, 507),
      },
    }),
    async (c) => {
      const { pull, isNew } = await pulls.pull(c.req.valid("json"));
      return isNew ? c.json(shown(pull), 201) : c.json(shown(pull), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "delete",
      path: "/admin/pulls/{folder}",
      summary: "Call a pull off, and remove what is there of a folder that is not whole",
      request: { params: z.object({ folder: z.string() }) },
      responses: { 204: noContent("It is gone"), ...adminResponses(400, 404) },
    }),
    async (c) => {
      await pulls.remove(c.req.valid("param").folder);
      return c.body(null, 204);
    },
  );
}

function shown({ folder, path, files, bytes, doneBytes }: Pull): z.infer<typeof PullSchema> {
  return { folder, path, files, bytes, done_bytes: doneBytes };
}
