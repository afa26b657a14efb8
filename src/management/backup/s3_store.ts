/**
 * Blobs as objects of an S3 bucket, at Amazon or any service that speaks its protocol.
 *
 * @module
 */

import { AwsClient } from "aws4fetch";
import { createHash } from "node:crypto";
import { messageOf, UserError } from "../../utils/errors.ts";
import type { BlobStore } from "./blob_store.ts";

/** What is needed to reach a bucket. */
export interface S3Options {
  /** The bucket's name. */
  readonly bucket: string;
  /** What names of objects begin with; empty, or without slashes at its ends. */
  readonly prefix: string;
  /** The URL of the service. */
  readonly endpoint: string;
  /** Its region. */
  readonly region: string;
  /** Who asks. */
  readonly credentials: S3Credentials;
  /** Ends requests. */
  readonly signal?: AbortSignal | undefined;
  /** How often a request is made that fails for no lasting reason. @default {5} */
  readonly attempts?: number;
}

/** Who asks a service. */
export interface S3Credentials {
  /** `AWS_ACCESS_KEY_ID`. */
  readonly accessKeyId: string;
  /** `AWS_SECRET_ACCESS_KEY`. */
  readonly secretAccessKey: string;
  /** `AWS_SESSION_TOKEN`. */
  readonly sessionToken?: string | undefined;
}

/** What is known of a request besides where it goes. */
interface S3Request {
  readonly method: "GET" | "PUT" | "DELETE";
  readonly action: "read" | "write" | "list" | "remove";
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

const FIRST_PAUSE_MS = 200;
const DAY_MS = 24 * 3_600_000;
const EMPTY_SHA256 = createHash("sha256").digest("hex");

/** Returns the store in a bucket. */
export function s3Store(options: S3Options): BlobStore {
  const { bucket, prefix } = options;
  const service = new S3Service(options);
  const start = prefix === "" ? "" : `${prefix}/`;
  return {
    name: `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`,
    graceMs: DAY_MS, // another machine may be writing to it, which no lock here tells
    async *list(wanted) {
      let token: string | undefined;
      do {
        const query = {
          "list-type": "2",
          prefix: `${start}${wanted}`,
          ...(token === undefined ? {} : { "continuation-token": token }),
        };
        const { body } = await service.request("", { method: "GET", action: "list", query });
        const xml = new TextDecoder().decode(body);
        for (const [, entry = ""] of xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
          const key = elementOf(entry, "Key") ?? "";
          yield {
            key: key.slice(start.length),
            sizeBytes: Number(elementOf(entry, "Size")),
            writtenAtMs: Date.parse(elementOf(entry, "LastModified") ?? ""),
          };
        }
        token = elementOf(xml, "IsTruncated") === "true"
          ? elementOf(xml, "NextContinuationToken")
          : undefined;
      } while (token !== undefined);
    },
    async get(key) {
      const { status, body } = await service.request(`${start}${key}`, {
        method: "GET",
        action: "read",
      });
      return status === 404 ? undefined : body;
    },
    async put(key, bytes) {
      await service.request(`${start}${key}`, { method: "PUT", action: "write", body: bytes });
    },
    async remove(key) {
      await service.request(`${start}${key}`, { method: "DELETE", action: "remove" });
    },
    tidy: () => Promise.resolve(), // an object is there whole or not at all
  };
}

/** Sends signed requests and tells what a service refuses. */
class S3Service {
  readonly #client: AwsClient;
  readonly #options: S3Options;

  constructor(options: S3Options) {
    const { accessKeyId, secretAccessKey, sessionToken } = options.credentials;
    this.#client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: "s3",
      region: options.region,
    });
    this.#options = options;
  }

  /** Makes a request, several times if need be; of what is refused, only an object that is not there comes back. */
  async request(
    key: string,
    request: S3Request,
  ): Promise<{ readonly status: number; readonly body: Uint8Array<ArrayBuffer> }> {
    const { bucket, signal, attempts = 5 } = this.#options;
    const subject = `s3://${bucket}/${key}`;
    for (let attempt = 1;; attempt++) {
      const isLast = attempt >= attempts;
      try {
        const answer = await this.#once(key, request);
        if (answer.status < 300) return answer;
        if (!isLast && (answer.status >= 500 || answer.status === 429)) throw RETRY;
        const xml = new TextDecoder().decode(answer.body);
        const code = elementOf(xml, "Code");
        if (answer.status === 404 && code !== "NoSuchBucket") return answer;
        const reason = [code, elementOf(xml, "Message")].filter((each) => each).join(": ");
        throw new UserError(
          `Cannot ${request.action} "${subject}": the service answered ${answer.status}` +
            `${
              reason === "" ? "" : ` (${reason})`
            }; look at the bucket, the region, the endpoint and the credentials`,
        );
      } catch (error) {
        if (error instanceof UserError) throw error;
        signal?.throwIfAborted();
        if (isLast) {
          throw new UserError(
            `Cannot ${request.action} "${subject}": ${this.#options.endpoint} cannot be reached (${
              messageOf(error)
            })`,
            { cause: error },
          );
        }
        await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1), signal);
      }
    }
  }

  async #once(
    key: string,
    { method, query = {}, body }: S3Request,
  ): Promise<{ readonly status: number; readonly body: Uint8Array<ArrayBuffer> }> {
    const { bucket, endpoint, signal } = this.#options;
    const path = [bucket, ...key.split("/")].map(encodeURIComponent).join("/");
    const url = new URL(
      `${endpoint.replace(/\/+$/, "")}/${key === "" ? encodeURIComponent(bucket) : path}`,
    );
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const sha256 = body === undefined
      ? EMPTY_SHA256
      : createHash("sha256").update(body).digest("hex");
    const signed = await this.#client.sign(url, {
      method,
      // the service refuses what arrives otherwise
      headers: { "x-amz-content-sha256": sha256 },
      ...(body === undefined ? {} : { body }),
    });
    const response = await fetch(signed, signal === undefined ? {} : { signal });
    return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
  }
}

const RETRY = new Error("The service is busy");

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&amp;": "&",
};

function elementOf(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text?.replace(/&(?:lt|gt|quot|apos|amp);/g, (entity) => ENTITIES[entity]!);
}
