/**
 * What the hub is asked: which files a revision has, and what is known of a file.
 *
 * Our own client and not `@huggingface/hub`, whose downloads (as of 2.17) start over after a cut, are held to
 * no checksum, take every file of a repository and report no progress. Sizes and checksums come from HEAD
 * requests as in Python's `huggingface_hub`, so that both name blobs alike and mirrors that serve it serve us.
 *
 * @module
 */

import { anyObject, array, decode, type JsonObject, text } from "../../utils/json.ts";
import { cannotDownload, type HubSubject } from "./hub_error.ts";
import { type HubReference, isCommit } from "./reference.ts";
import { request } from "./request.ts";
import { type RetryPolicy, withRetries } from "./retry.ts";
import type { HubSettings } from "./settings.ts";

/** A state of a repository. */
export interface Revision {
  /** Hash of its commit. */
  readonly commit: string;
  /** Names of its files. */
  readonly files: readonly string[];
}

/** A file on the hub. */
export interface RemoteFile {
  /** Its name in the repository. */
  readonly name: string;
  /** Where it is read from. */
  readonly address: string;
  /** Its checksum, by which its blob is named. */
  readonly etag: string;
  /** How long it is. */
  readonly sizeBytes: number;
}

/** What requests depend on. */
export interface ClientOptions {
  /** Address and token of the hub. */
  readonly settings: HubSettings;
  /** When to try again. */
  readonly retry: RetryPolicy;
  /** Ends the requests. */
  readonly signal: AbortSignal;
  /** Called before a request is made again. */
  readonly onRetry: (reason: string) => void;
}

/** Tries of the first request: what cannot be reached at all is seldom reached a little later. */
const FIRST_ATTEMPTS = 2;

/**
 * Asks which commit a revision is and which files it has.
 *
 * @throws {UserError} If the hub refuses or cannot be reached.
 */
export async function fetchRevision(
  reference: HubReference,
  options: ClientOptions,
): Promise<Revision> {
  const { settings, retry, signal, onRetry } = options;
  const subject: HubSubject = { reference, settings };
  const { repository, revision } = reference;
  const address = `${settings.endpoint}/api/models/${repository}/revision/${
    encodeURIComponent(revision)
  }`;
  const json = await withRetries(async () => {
    const { response } = await request(address, { subject, signal });
    return await response.text();
  }, { subject, policy: { ...retry, attempts: FIRST_ATTEMPTS }, signal, onRetry });
  return parseRevision(json, { address, subject });
}

/**
 * Asks for the checksum and the size of a file.
 *
 * @throws {UserError} If the hub refuses, cannot be reached or does not say.
 */
export async function fetchFileInfo(
  name: string,
  options: ClientOptions & { readonly reference: HubReference; readonly commit: string },
): Promise<RemoteFile> {
  const { reference, commit, settings, retry, signal, onRetry } = options;
  const subject: HubSubject = { reference, file: name, settings };
  const path = name.split("/").map(encodeURIComponent).join("/");
  const address = `${settings.endpoint}/${reference.repository}/resolve/${commit}/${path}`;
  return await withRetries(async () => {
    const { response, header } = await request(address, {
      subject,
      method: "HEAD",
      leaveHub: false, // the hub itself knows, the host it redirects to need not be asked
      signal,
    });
    await response.body?.cancel();
    const etag = header("x-linked-etag") ?? response.headers.get("etag") ?? "";
    const size = header("x-linked-size") ??
      (response.ok ? response.headers.get("content-length") : null);
    const plain = etag.replace(/^W\//, "").replaceAll('"', "");
    // it becomes the name of a file
    if (!/^[\w-]+$/.test(plain)) {
      throw cannotDownload(subject, `${settings.endpoint} gives no checksum (ETag) of it`);
    }
    if (size === null || !/^\d+$/.test(size)) {
      throw cannotDownload(subject, `${settings.endpoint} does not say how long it is`);
    }
    return { name, address, etag: plain, sizeBytes: Number(size) };
  }, { subject, policy: retry, signal, onRetry });
}

function parseRevision(
  json: string,
  { address, subject }: { readonly address: string; readonly subject: HubSubject },
): Revision {
  let answer: JsonObject;
  try {
    answer = decode(anyObject(), JSON.parse(json), address);
  } catch (error) {
    throw cannotDownload(subject, `${address} does not answer as a hub does`, error);
  }
  const commit = decode(text(), answer.sha, `${address}: sha`);
  if (!isCommit(commit)) throw cannotDownload(subject, `its commit is "${commit}"`);
  const siblings = decode(array(anyObject()), answer.siblings, `${address}: siblings`);
  return {
    commit,
    files: siblings.map(({ rfilename }) => decode(text(), rfilename, `${address}: rfilename`)),
  };
}
