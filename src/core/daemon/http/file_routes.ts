/**
 * `/v1/files`: data sets that clients bring.
 *
 * @module
 */

import type { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { join } from "node:path";
import { ApiError } from "../../../inference/http/api_error.ts";
import { removeIfThere, writeFileAtomic } from "../../../utils/atomic_file.ts";
import { datasetPath, storeDataset } from "../dataset_store.ts";
import type { ApiFile } from "../file_table.ts";
import { type ApiContext, seconds } from "./api_context.ts";
import { formParts, partText } from "./multipart.ts";
import { pageOf, pageQuery } from "./pages.ts";
import { findResultFile, type ResultFile } from "./result_file.ts";

/** What files can be for. */
const PURPOSE = "fine-tune";

/** What the parts of a form take besides the file. */
const FORM_BYTES = 64 * 1024;

/** Adds the routes to `app`. */
export function addFileRoutes(app: Hono, context: ApiContext): void {
  const { files, paths, settings } = context;
  app.post("/v1/files", limitUpload(settings.maxUploadBytes), async (c) => {
    const part = join(paths.daemon, `upload-${crypto.randomUUID()}.part`);
    try {
      const { filename, purpose } = await receive(c.req.raw, part);
      const { sha256, sizeBytes: bytes } = await storeDataset(paths.data, part, filename);
      if (bytes === 0) {
        throw new ApiError(400, `Cannot take "${filename}": it is empty`, {
          param: "file",
          code: "invalid_file",
        });
      }
      return c.json(fileObject(files.add({ filename, bytes, sha256, purpose })));
    } finally {
      await removeIfThere(part);
    }
  });
  app.get("/v1/files", (c) => {
    const order = c.req.query("order") === "asc" ? "asc" : "desc";
    const found = files.list({ purpose: c.req.query("purpose"), order });
    return c.json(pageOf(found.map(fileObject), pageQuery(c, { limit: 10_000, max: 10_000 })));
  });
  app.get("/v1/files/:id", async (c) => {
    const id = c.req.param("id");
    const result = await findResultFile(context, id);
    return c.json(
      result === undefined ? fileObject(requireFile(context, id)) : resultObject(result),
    );
  });
  app.get("/v1/files/:id/content", async (c) => {
    const id = c.req.param("id");
    const result = await findResultFile(context, id);
    if (result !== undefined) return c.body(result.csv, 200, { "content-type": "text/csv" });
    const { sha256, filename } = requireFile(context, id);
    const file = await Deno.open(datasetPath(paths.data, { sha256, name: filename }));
    return c.body(file.readable, 200, { "content-type": "application/jsonl" });
  });
  app.delete("/v1/files/:id", async (c) => {
    const { id, sha256, filename } = requireFile(context, c.req.param("id"));
    files.remove(id);
    if (!await isUsed(context, sha256)) {
      await removeIfThere(datasetPath(paths.data, { sha256, name: filename }));
    }
    return c.json({ id, object: "file", deleted: true });
  });
}

/**
 * Finds a file.
 *
 * @throws {ApiError} If there is none; `param` is the field of the request that named it.
 */
export function requireFile(
  { files }: ApiContext,
  id: string,
  { param = "id" }: { readonly param?: string } = {},
): ApiFile {
  const file = files.find(id);
  if (file !== undefined) return file;
  throw new ApiError(param === "id" ? 404 : 400, `There is no file "${id}"`, {
    param,
    code: "file_not_found",
  });
}

/** Writes the file of a form to `path`. */
async function receive(
  request: Request,
  path: string,
): Promise<{ readonly filename: string; readonly purpose: string }> {
  let filename: string | undefined;
  let purpose: string | undefined;
  for await (const part of formParts(request)) {
    if (part.name === "purpose") {
      purpose = await partText(part, { maxBytes: FORM_BYTES });
      requirePurpose(purpose); // before a long file comes for nothing
    } else if (part.name === "file" && part.filename !== undefined) {
      filename = part.filename;
      await writeFileAtomic(path, async (sink) => {
        for await (const bytes of part.content) await sink.write(bytes);
      });
    }
  }
  if (filename === undefined) {
    throw new ApiError(400, 'Cannot read "file": it is missing, or no file', {
      param: "file",
      code: "invalid_type",
    });
  }
  return { filename, purpose: requirePurpose(purpose) };
}

function requirePurpose(purpose: string | undefined): string {
  if (purpose === PURPOSE) return purpose;
  throw new ApiError(
    400,
    `Cannot take a file for "${purpose ?? ""}": this server takes files for "${PURPOSE}"`,
    { param: "purpose", code: "invalid_value" },
  );
}

function limitUpload(maxBytes: number): ReturnType<typeof bodyLimit> {
  return bodyLimit({
    maxSize: maxBytes + FORM_BYTES,
    onError: () => {
      throw new ApiError(413, `The file is larger than ${maxBytes} bytes`, {
        code: "request_too_large",
      });
    },
  });
}

async function isUsed({ files, queue }: ApiContext, sha256: string): Promise<boolean> {
  if (files.list().some((file) => file.sha256 === sha256)) return true;
  const jobs = await queue.list();
  return jobs.some(({ payload }) => JSON.stringify(payload).includes(sha256));
}

function fileObject({ id, bytes, createdAtMs, filename, purpose }: ApiFile) {
  return {
    id,
    object: "file",
    bytes,
    created_at: seconds(createdAtMs),
    filename,
    purpose,
    status: "processed",
    status_details: null,
    expires_at: null,
  };
}

function resultObject({ id, job, csv }: ResultFile) {
  const createdAtMs = job.finishedAtMs ?? job.createdAtMs;
  const bytes = new TextEncoder().encode(csv).length;
  const filename = "step_metrics.csv";
  return fileObject({ id, bytes, createdAtMs, filename, sha256: "", purpose: "fine-tune-results" });
}
