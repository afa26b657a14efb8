/**
 * Downloading one file of the hub into the cache's blobs.
 *
 * It grows as `blobs/<checksum>.incomplete`. What a cut or a kill leaves of it is kept, and the next try asks
 * for the rest. It gets its own name when its checksum is right, so that a blob is always whole.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { removeIfThere } from "../../utils/atomic_file.ts";
import { fileError } from "../../utils/file_error.ts";
import { stallSignal } from "../../utils/stall_signal.ts";
import { lockFile } from "./blob_lock.ts";
import type { RepositoryFolders } from "./cache.ts";
import { type Checksum, expectChecksum } from "./checksum.ts";
import { cannotDownload, type HubSubject } from "./hub_error.ts";
import type { ClientOptions, RemoteFile } from "./hub_client.ts";
import type { HubReference } from "./reference.ts";
import { request } from "./request.ts";
import { withRetries } from "./retry.ts";

/** Options of {@linkcode downloadBlob}. */
export interface BlobOptions extends ClientOptions {
  /** The repository, for messages. */
  readonly reference: HubReference;
  /** Where the repository lies. */
  readonly folders: RepositoryFolders;
  /** Called with how much of the file is there; less than before when it starts over. */
  readonly onBytes: (haveBytes: number) => void;
  /** Called if another process downloads the same file. */
  readonly onWait: () => void;
}

const COPY_BYTES = 1 << 20;

/** Returns the path that a file has, or will have, among the blobs. */
export function blobPath(folders: RepositoryFolders, { etag }: RemoteFile): string {
  return join(folders.blobs, etag);
}

/**
 * Downloads `file`, or what is missing of it; does nothing if it is there.
 *
 * @throws {UserError} If the hub refuses or cannot be reached, the checksum is wrong or the disk is full.
 */
export async function downloadBlob(file: RemoteFile, options: BlobOptions): Promise<void> {
  const { folders, reference, settings, retry, signal, onRetry, onWait } = options;
  const blob = blobPath(folders, file);
  if (existsSync(blob)) return;
  const part = `${blob}.incomplete`;
  const subject: HubSubject = { reference, file: file.name, settings };
  try {
    await Deno.mkdir(folders.blobs, { recursive: true });
    using _lock = await lockFile(join(folders.locks, `${file.etag}.lock`), { signal, onWait });
    if (existsSync(blob)) return; // whoever held the lock has done it
    let received = 0;
    const outcome = () =>
      withRetries(() => {
        received = 0;
        return receive(file, { ...options, part, subject, onReceived: (n) => received += n });
      }, { subject, policy: retry, signal, onRetry, progressed: () => received > 0 });
    let { isRight, resumed } = await outcome();
    if (!isRight && resumed) {
      // the fault may lie in what an earlier try has left
      await Deno.remove(part);
      onRetry(`"${file.name}" has a wrong checksum; it is downloaded anew`);
      ({ isRight, resumed } = await outcome());
    }
    if (!isRight) {
      await removeIfThere(part);
      throw cannotDownload(
        subject,
        `what ${settings.endpoint} sent does not have the checksum ${file.etag}; it was removed, ` +
          "run it again, and if that does not help look at HF_ENDPOINT and at proxies",
      );
    }
    await Deno.rename(part, blob);
  } catch (error) {
    throw fileError("write", part, error);
  }
}

interface Receipt {
  /** Whether all bytes are there and the checksum is the one that was announced. */
  readonly isRight: boolean;
  /** Whether some bytes were there before. */
  readonly resumed: boolean;
}

interface ReceiveOptions extends BlobOptions {
  readonly part: string;
  readonly subject: HubSubject;
  readonly onReceived: (bytes: number) => void;
}

/** Asks for what is missing of `part` and appends it. */
async function receive(
  { address, etag, sizeBytes }: RemoteFile,
  { part, subject, signal, onBytes, onReceived }: ReceiveOptions,
): Promise<Receipt> {
  using output = await Deno.open(part, { create: true, read: true, write: true });
  let checksum = expectChecksum(etag, { sizeBytes });
  let have = await sumExisting(output, checksum);
  const resumed = have > 0;
  onBytes(Math.min(have, sizeBytes));
  if (have < sizeBytes) {
    using stall = stallSignal(signal);
    const { response } = await request(address, { subject, from: have, signal: stall.signal });
    if (have > 0 && !continues(response, have)) {
      await output.truncate(0);
      await output.seek(0, Deno.SeekMode.Start);
      checksum = expectChecksum(etag, { sizeBytes });
      have = 0;
    }
    for await (const bytes of response.body ?? []) {
      stall.restart();
      checksum.update(bytes);
      for (let at = 0; at < bytes.length;) at += await output.write(bytes.subarray(at));
      have += bytes.length;
      onReceived(bytes.length);
      onBytes(Math.min(have, sizeBytes));
      if (have > sizeBytes) break;
    }
    if (have < sizeBytes) {
      throw new TypeError(`the connection ended at byte ${have} of ${sizeBytes}`);
    }
    await output.sync();
  }
  return { isRight: have === sizeBytes && checksum.matches(), resumed };
}

/** Reads what an earlier try has left, to its end. */
async function sumExisting(file: Deno.FsFile, checksum: Checksum): Promise<number> {
  const buffer = new Uint8Array(COPY_BYTES);
  let length = 0;
  for (let read; (read = await file.read(buffer)) !== null;) {
    checksum.update(buffer.subarray(0, read));
    length += read;
  }
  return length;
}

/** Whether the server sends what follows byte `from`; one that knows no ranges sends all of it. */
function continues({ status, headers }: Response, from: number): boolean {
  return status === 206 && headers.get("content-range")?.startsWith(`bytes ${from}-`) === true;
}
