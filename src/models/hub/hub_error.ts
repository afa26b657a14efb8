/**
 * What the hub refuses, in words a person can act on.
 *
 * @module
 */

import { messageOf, UserError } from "../../utils/errors.ts";
import { formatReference, type HubReference } from "./reference.ts";
import type { HubSettings } from "./settings.ts";

/** Thrown when something could not be downloaded; another time it may be. */
export class DownloadError extends UserError {}

/** What was asked for, and how. */
export interface HubSubject {
  /** The repository. */
  readonly reference: HubReference;
  /** The file in it. @default {the repository as such} */
  readonly file?: string;
  /** How the hub was asked. */
  readonly settings: HubSettings;
}

/** Returns the error for an answer that is no success. */
export function refusedError(response: Response, subject: HubSubject): UserError {
  return cannotDownload(subject, refusal(response, subject));
}

/** Returns the error for a connection that could not be made or did not last. */
export function unreachableError(error: unknown, subject: HubSubject): UserError {
  return cannotDownload(
    subject,
    `${
      networkFault(error, subject)
    }; look at the connection, at HTTPS_PROXY and at HF_ENDPOINT, then ` +
      "run it again, which goes on with what has come",
    error,
  );
}

/** Says what was wrong with a connection. */
export function networkFault(error: unknown, { settings }: HubSubject): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = messageOf(cause).replace(/^error sending request for url \([^)]*\): /, "");
  return `${settings.endpoint} could not be reached or broke off (${reason})`;
}

/** Returns the error "Cannot download …" with the state of things. */
export function cannotDownload(subject: HubSubject, state: string, cause?: unknown): UserError {
  const { reference, file } = subject;
  const name = formatReference(reference);
  const what = file === undefined ? `"${name}"` : `"${file}" of "${name}"`;
  return new DownloadError(`Cannot download ${what}: ${state}`, { cause });
}

function refusal(response: Response, { reference, file, settings }: HubSubject): string {
  const { status } = response;
  const { endpoint, token } = settings;
  const { repository, revision } = reference;
  const page = `${endpoint}/${repository}`;
  const code = response.headers.get("x-error-code");
  if (code === "GatedRepo" || (code === null && status === 403)) {
    return token === undefined
      ? `it is gated; accept its terms at ${page}, make a token at ${endpoint}/settings/tokens ` +
        "and give it as HF_TOKEN"
      : `it is gated and the account of your token has no access; ask for it at ${page}, and let ` +
        "the token read gated repositories";
  }
  if (code === "RevisionNotFound") {
    return `it has no branch, tag or commit "${revision}"; look at ${page}/tree/main`;
  }
  if (code === "EntryNotFound" || (status === 404 && file !== undefined)) {
    return `there is no such file; look at ${page}/tree/${revision}`;
  }
  if (status === 401 && token !== undefined && code !== "RepoNotFound") {
    return `${endpoint} does not accept the token; look at HF_TOKEN or log in anew with "hf auth login"`;
  }
  if (status === 401 || status === 404) {
    return token === undefined
      ? `${endpoint} has no public repository of that name; look at its spelling, and give HF_TOKEN if it is private`
      : `${endpoint} has no repository of that name that your token may read; look at its spelling`;
  }
  if (status === 403) return `${endpoint} forbids it (${reasonOf(response)}); look at ${page}`;
  if (status === 429) return `${endpoint} takes no more requests for now; wait, or give HF_TOKEN`;
  return `${endpoint} answered ${status} (${reasonOf(response)}); try again later`;
}

function reasonOf(response: Response): string {
  return response.headers.get("x-error-message") ?? (response.statusText || "no reason given");
}
