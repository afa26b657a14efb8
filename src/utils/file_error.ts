/**
 * What the operating system refuses, in words a person can act on.
 *
 * @module
 */

import { messageOf, UserError } from "./errors.ts";

/** What was attempted on a file or folder. */
export type FileAction = "read" | "write" | "create" | "list" | "remove";

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied; change its permissions or choose another place",
  EDQUOT: "the disk quota is used up; free some space or choose another place",
  EEXIST: "something of that name is already there",
  EISDIR: "it is a folder, not a file",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "its name is too long",
  ENOENT: "there is no such file or folder",
  ENOSPC: "the disk is full; free some space or choose another place",
  ENOTDIR: "a part of its path is a file, not a folder",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only; choose another place",
};

/**
 * Says of an error of the file system what could not be done to `path`, and why; other errors come back as
 * they are, so that a fault of the program stays one.
 */
export function fileError(action: FileAction, path: string, error: unknown): unknown {
  if (error instanceof UserError) return error;
  const reason = reasonOf(error);
  if (reason === undefined) return error;
  return new UserError(`Cannot ${action} "${path}": ${reason}`, { cause: error });
}

/** Whether `error`, or what caused it, says that no space is left, on the disk or in the quota. */
export function isDiskFull(error: unknown): boolean {
  const code = codeOf(error);
  if (code === "ENOSPC" || code === "EDQUOT") return true;
  return error instanceof Error && error.cause !== undefined && isDiskFull(error.cause);
}

function reasonOf(error: unknown): string | undefined {
  if (error instanceof Deno.errors.NotCapable) {
    return `this process may not; ${
      messageOf(error).replace(/^.*?, run again with/, "run again with")
    }`;
  }
  const code = codeOf(error);
  return code === undefined ? undefined : REASONS[code] ?? messageOf(error);
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error && "code" in error)) return undefined;
  return typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}
