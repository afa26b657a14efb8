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
import { pageOf, pageQuery } from "./pages.ts";

/** What files can be for. */
const PURPOSE = "fine-tune";

/** What the parts of a form take besides the file. */
const FORM_BYTES = 64 * 1024;

/** Adds the routes to `app`. */
export function addFileRoutes(app: Hono, context: ApiContext): void {
  const { files, paths, settings } = context;
  app.post("/v1/files", limitUpload(settings.maxUploadBytes), async (c) => {
    const { file, purpose } = await readForm(c.req.raw);
    const part = join(paths.daemon, `upload-${crypto.randomUUID()}.part`);
    try {
      await writeFileAtomic(part, async (sink) => {
        for await (const bytes of file.stream()) await sink.write(bytes);
      });
      const { sha256, sizeBytes: bytes } = await storeDataset(paths.data, part);
      return c.json(fileObject(files.add({ filename: file.name, bytes, sha256, purpose })));
    } finally {
      await removeIfThere(part);
    }
  });
  app.get("/v1/files", (c) => {
    const order = c.req.query("order") === "asc" ? "asc" : "desc";
    const found = files.list({ purpose: c.req.query("purpose"), order });
    return c.json(pageOf(found.map(fileObject), pageQuery(c, { limit: 10_000, max: 10_000 })));
  });
  app.get("/v1/files/:id", (c) => c.json(fileObject(requireFile(context, c.req.param("id")))));
  app.get("/v1/files/:id/content", async (c) => {
    const { sha256 } = requireFile(context, c.req.param("id"));
    const file = await Deno.open(datasetPath(paths.data, sha256));
    return c.body(file.readable, 200, { "content-type": "application/jsonl" });
  });
  app.delete("/v1/files/:id", async (c) => {
    const { id, sha256 } = requireFile(context, c.req.param("id"));
    files.remove(id);
    if (!await isUsed(context, sha256)) {
      for (
        const path of [datasetPath(paths.data, sha256), join(paths.data, `${sha256}.verdict.json`)]
      ) {
        await removeIfThere(path);
      }
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

async function readForm(request: Request): Promise<{ file: File; purpose: string }> {
  let form: FormData;
  try {
    form = await request.formData();
  } catch (error) {
    throw new ApiError(
      400,
      'The body must be a form: send "multipart/form-data" with "file" and "purpose"',
      {
        code: "invalid_form",
        cause: error,
      },
    );
  }
  const file = form.get("file");
  const purpose = form.get("purpose");
  if (!(file instanceof File)) {
    throw new ApiError(400, 'Cannot read "file": it is missing, or no file', {
      param: "file",
      code: "invalid_type",
    });
  }
  if (purpose !== PURPOSE) {
    throw new ApiError(
      400,
      `Cannot take a file for "${purpose}": this server takes files for "${PURPOSE}"`,
      {
        param: "purpose",
        code: "invalid_value",
      },
    );
  }
  if (file.size === 0) {
    throw new ApiError(400, `Cannot take "${file.name}": it is empty`, {
      param: "file",
      code: "invalid_file",
    });
  }
  return { file, purpose };
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
