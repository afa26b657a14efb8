/**
 * Fetching one file, or what is missing of it.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { dirname, join } from "node:path";
import { hashFile } from "../../datasets/sources/hash_file.ts";
import { removeIfThere } from "../../utils/atomic_file.ts";
import { messageOf } from "../../utils/errors.ts";
import { fileError, isDiskFull } from "../../utils/file_error.ts";
import { stallSignal } from "../../utils/stall_signal.ts";
import { HostError } from "./host_error.ts";
import type { PullFile } from "./pull_spec.ts";

/** Options of {@linkcode fetchFile}. */
export interface FetchFileOptions {
  /** Ends the work; what is there stays. */
  readonly signal: AbortSignal;
  /** Tries in all that bring nothing. @default {4} */
  readonly attempts?: number;
  /** Wait before the second try; before each later one it is twice as long. @default {1000} */
  readonly minDelayMs?: number;
  /** Is told how many bytes are there. */
  readonly onBytes?: (bytes: number) => void;
}

/** A fault that may be gone when it is tried again. */
class PassingError extends Error {}

/**
 * Fetches a file into `folder`, where it appears whole; what is there of it is taken up again.
 *
 * @throws {HostError} If it cannot be fetched, has another content or the disk is full.
 */
export async function fetchFile(
  file: PullFile,
  folder: string,
  options: FetchFileOptions,
): Promise<void> {
  const { signal, attempts = 4, minDelayMs = 1000, onBytes = () => {} } = options;
  const target = join(folder, file.path);
  const part = join(folder, incompleteOf(file.path));
  try {
    if (await hasContent(target, file)) return onBytes(file.bytes);
    await Deno.mkdir(dirname(target), { recursive: true });
    let mayBeOld = true;
    for (let failures = 0;;) {
      let received = 0;
      try {
        const receipt = await receive(file, part, {
          signal,
          onBytes,
          onReceived: () => received++,
        });
        if (receipt.isRight) break;
        await removeIfThere(part);
        // the fault may lie in what an earlier try has left
        if (!receipt.isResumed || !mayBeOld) throw wrongContent(file);
        mayBeOld = false;
      } catch (error) {
        signal.throwIfAborted();
        if (!isPassing(error)) throw error;
        failures = received > 0 ? 1 : failures + 1;
        if (failures >= attempts) throw cannotFetch(file, messageOf(error), error);
        await pause(minDelayMs * 2 ** (failures - 1), signal);
      }
    }
    await Deno.rename(part, target);
  } catch (error) {
    if (error instanceof HostError && error.code === "checksum_mismatch") await removeIfThere(part);
    if (!isDiskFull(error)) throw fileError("write", target, error);
    throw new HostError("disk_full", `Cannot fetch "${file.path}": the disk is full`, {
      cause: error,
    });
  }
}

/** Returns what a file is called, in its folder, until it is whole. */
export function incompleteOf(path: string): string {
  const steps = path.split("/");
  return [...steps.slice(0, -1), `.${steps.at(-1)}.incomplete`].join("/");
}

/** Whether the file at `path` is the one that is wanted. */
export async function hasContent(
  path: string,
  { sha256, bytes }: Pick<PullFile, "sha256" | "bytes">,
): Promise<boolean> {
  try {
    const { size, isFile } = await Deno.lstat(path);
    return isFile && size === bytes && await hashFile(path) === sha256;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

interface ReceiveOptions {
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
  readonly onReceived: () => void;
}

interface Receipt {
  /** Whether all bytes are there and they are the right ones. */
  readonly isRight: boolean;
  /** Whether some bytes were there before. */
  readonly isResumed: boolean;
}

/** Asks for what is missing of `part` and appends it. */
async function receive(
  file: PullFile,
  part: string,
  { signal, onBytes, onReceived }: ReceiveOptions,
): Promise<Receipt> {
  using output = await Deno.open(part, { create: true, read: true, write: true });
  let hash = createHash("sha256");
  let have = await hashExisting(output, hash);
  if (have > file.bytes) have = await begin(output);
  if (have === 0) hash = createHash("sha256");
  const isResumed = have > 0;
  onBytes(have);
  if (have < file.bytes) {
    using stall = stallSignal(signal);
    const response = await request(file, have, stall.signal);
    if (have > 0 && !continues(response, have)) {
      have = await begin(output);
      hash = createHash("sha256");
    }
    await checkLength(file, response, have);
    for await (const bytes of response.body ?? []) {
      stall.restart();
      have += bytes.length;
      if (have > file.bytes) throw wrongLength(file, `more than ${file.bytes}`);
      hash.update(bytes);
      for (let at = 0; at < bytes.length;) at += await output.write(bytes.subarray(at));
      onReceived();
      onBytes(have);
    }
    if (have < file.bytes) {
      throw new PassingError(`the connection ended at byte ${have} of ${file.bytes}`);
    }
    await output.sync();
  }
  return { isRight: hash.digest("hex") === file.sha256, isResumed };
}

async function request(file: PullFile, from: number, signal: AbortSignal): Promise<Response> {
  const response = await fetch(file.url, {
    // compressed in between, a file would have another length
    headers: { "accept-encoding": "identity", ...(from > 0 ? { range: `bytes=${from}-` } : {}) },
    signal,
  });
  if (response.ok) return response;
  await response.body?.cancel();
  const { status } = response;
  if (status === 416 && from > 0) return await request(file, 0, signal);
  const reason = `${new URL(file.url).host} answers with status ${status}`;
  if (status === 429 || status >= 500) throw new PassingError(reason);
  throw cannotFetch(file, reason);
}

/** Refuses a file of another length before it is fetched, where the server tells. */
async function checkLength(file: PullFile, response: Response, from: number): Promise<void> {
  const { headers, body } = response;
  const length = headers.get("content-length");
  if (length === null || headers.get("content-encoding") !== null) return;
  if (Number(length) + from === file.bytes) return;
  await body?.cancel();
  throw wrongLength(file, String(Number(length) + from));
}

/** Whether the server sends what follows byte `from`; one that knows no ranges sends all of it. */
function continues({ status, headers }: Response, from: number): boolean {
  return status === 206 && headers.get("content-range")?.startsWith(`bytes ${from}-`) === true;
}

async function begin(output: Deno.FsFile): Promise<number> {
  await output.truncate(0);
  await output.seek(0, Deno.SeekMode.Start);
  return 0;
}

/** Reads what an earlier try has left, to its end. */
async function hashExisting(file: Deno.FsFile, hash: Hash): Promise<number> {
  const buffer = new Uint8Array(1 << 20);
  let length = 0;
  for (let read; (read = await file.read(buffer)) !== null;) {
    hash.update(buffer.subarray(0, read));
    length += read;
  }
  return length;
}

/** `fetch` and bodies throw a TypeError where the network fails, streams that stall a TimeoutError. */
function isPassing(error: unknown): boolean {
  return error instanceof PassingError || error instanceof TypeError ||
    error instanceof Deno.errors.Http ||
    (error instanceof DOMException && error.name === "TimeoutError");
}

function wrongContent({ path }: PullFile): HostError {
  return new HostError(
    "checksum_mismatch",
    `Cannot fetch "${path}": what was sent has another SHA-256; it was removed`,
  );
}

function wrongLength({ path, bytes }: PullFile, sent: string): HostError {
  return new HostError(
    "checksum_mismatch",
    `Cannot fetch "${path}": it has ${bytes} bytes, ${sent} were sent`,
  );
}

function cannotFetch({ path }: PullFile, reason: string, cause?: unknown): HostError {
  // addresses may be signed: they are secrets
  const plain = reason.replaceAll(/https?:\/\/\S+/g, "its address");
  return new HostError("fetch_failed", `Cannot fetch "${path}": ${plain}`, { cause });
}

async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, durationMs);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
  signal.throwIfAborted();
}
