/**
 * Files in a bucket of S3, each by its content, and URLs by which a host may fetch them for a while.
 *
 * @module
 */

import { AwsClient } from "aws4fetch";
import { messageOf, UserError } from "../../../utils/errors.ts";
import type { ShippedFile } from "../model_parts.ts";

/** The service and who asks it. */
export interface S3Place {
  /** Its URL; null is Amazon's. */
  readonly endpoint: string | null;
  /** Its region; null goes by the environment. */
  readonly region: string | null;
  /** The environment, for credentials. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Options of {@linkcode uploadToS3}. */
export interface S3UploadOptions extends S3Place {
  /** The bucket. */
  readonly bucket: string;
  /** What names of objects begin with. */
  readonly prefix: string;
  /** A file that is longer is sent in pieces of so many bytes, one of which is held in memory. @default {32 MiB} */
  readonly partBytes?: number;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

const PART_BYTES = 32 * 2 ** 20;

/** How long a URL is good for. */
const URL_SECONDS = 6 * 3600;

/**
 * Uploads files that the bucket does not have and returns their URLs, by path.
 *
 * @throws {UserError} If there are no credentials, or the service refuses.
 */
export async function uploadToS3(
  files: readonly ShippedFile[],
  options: S3UploadOptions,
): Promise<ReadonlyMap<string, string>> {
  const bucket = new Bucket(options);
  const urls = new Map<string, string>();
  for (const file of files) {
    const key = `${options.prefix === "" ? "" : `${options.prefix}/`}${file.sha256}`;
    if (await bucket.sizeOf(key) !== file.bytes) await bucket.upload(key, file);
    urls.set(encodeURIComponent(file.path), await bucket.signedUrl(key));
  }
  return urls;
}

class Bucket {
  readonly #client: AwsClient;
  readonly #base: string;
  readonly #name: string;
  readonly #partBytes: number;
  readonly #signal: AbortSignal;

  constructor(options: S3UploadOptions) {
    const { bucket, endpoint, region, env, signal, partBytes = PART_BYTES } = options;
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
    if (!accessKeyId || !secretAccessKey) {
      throw new UserError(
        `Cannot ship by "s3://${bucket}": set the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
      );
    }
    const where = region || env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "us-east-1";
    const service = endpoint || env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] ||
      `https://s3.${where}.amazonaws.com`;
    const sessionToken = env["AWS_SESSION_TOKEN"];
    this.#client = new AwsClient({
      ...{ accessKeyId, secretAccessKey, service: "s3", region: where },
      ...(sessionToken === undefined ? {} : { sessionToken }),
    });
    this.#base = `${service.replace(/\/+$/, "")}/${encodeURIComponent(bucket)}`;
    this.#name = bucket;
    this.#partBytes = partBytes;
    this.#signal = signal;
  }

  /** Returns the size of an object; `undefined` if there is none. */
  async sizeOf(key: string): Promise<number | undefined> {
    const response = await this.#send(key, { method: "HEAD" });
    await response.body?.cancel();
    if (response.status === 404) return undefined;
    this.#check(response, key, "");
    return Number(response.headers.get("content-length"));
  }

  async upload(key: string, { source, bytes }: ShippedFile): Promise<void> {
    using file = await Deno.open(source);
    const partBytes = this.#partBytes;
    if (bytes <= partBytes) {
      await this.#text(key, { method: "PUT", body: await readPart(file, bytes) });
      return;
    }
    const started = await this.#text(key, { method: "POST", query: { uploads: "" } });
    const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(started)?.[1] ?? "";
    const parts: string[] = [];
    for (let at = 0; at < bytes; at += partBytes) {
      const partNumber = parts.length + 1;
      const body = await readPart(file, Math.min(partBytes, bytes - at));
      const query = { partNumber: String(partNumber), uploadId };
      const response = await this.#send(key, { method: "PUT", query, body });
      this.#check(response, key, await response.text());
      parts.push(
        `<Part><PartNumber>${partNumber}</PartNumber><ETag>${
          response.headers.get("etag")
        }</ETag></Part>`,
      );
    }
    const xml = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
    const body = new TextEncoder().encode(xml);
    await this.#text(key, { method: "POST", query: { uploadId }, body });
  }

  async signedUrl(key: string): Promise<string> {
    const url = new URL(`${this.#base}/${key}`);
    url.searchParams.set("X-Amz-Expires", String(URL_SECONDS));
    const signed = await this.#client.sign(url, { method: "GET", aws: { signQuery: true } });
    return signed.url;
  }

  async #text(key: string, request: S3Request): Promise<string> {
    const response = await this.#send(key, request);
    const text = await response.text();
    this.#check(response, key, text);
    return text;
  }

  async #send(key: string, { method, query = {}, body }: S3Request): Promise<Response> {
    const url = new URL(`${this.#base}/${key}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const init = { method, ...(body === undefined ? {} : { body }) };
    try {
      return await fetch(await this.#client.sign(url, init), { signal: this.#signal });
    } catch (error) {
      this.#signal.throwIfAborted();
      throw new Error(`"s3://${this.#name}" cannot be reached: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  #check({ ok, status }: Response, key: string, text: string): void {
    if (ok) return;
    const reason = /<Code>([^<]+)<\/Code>/.exec(text)?.[1];
    const message = `"s3://${this.#name}/${key}" answered ${status}${reason ? ` (${reason})` : ""}`;
    if (status >= 500 || status === 429) throw new Error(message);
    throw new UserError(
      `Cannot ship a model: ${message}; look at the bucket, the region, the endpoint and the credentials`,
    );
  }
}

interface S3Request {
  readonly method: "HEAD" | "PUT" | "POST";
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

async function readPart(file: Deno.FsFile, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) throw new Error("a file is shorter than it was");
    at += count;
  }
  return bytes;
}
