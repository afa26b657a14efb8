/**
 * Downloading a model from the hub into the cache that Hugging Face's tools share.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { formatBytes } from "../../utils/format.ts";
import { anyObject, decode, readJsonFile } from "../../utils/json.ts";
import {
  cachedSnapshot,
  isWholeModel,
  linkBlob,
  type RepositoryFolders,
  repositoryFolders,
  writeRef,
} from "./cache.ts";
import { blobPath, downloadBlob } from "./download_blob.ts";
import { CONFIG_FILE, WEIGHTS_INDEX_FILE } from "./files.ts";
import { cannotDownload } from "./hub_error.ts";
import { type ClientOptions, fetchFileInfo, fetchRevision, type RemoteFile } from "./hub_client.ts";
import { chooseModelFiles, type ModelPart } from "./model_files.ts";
import { formatReference, type HubReference, isCommit } from "./reference.ts";
import type { RetryPolicy } from "./retry.ts";
import type { HubSettings } from "./settings.ts";

/** What happens during a download. */
export type DownloadEvent =
  | {
    /** More of the files is there. */
    readonly kind: "progress";
    /** Bytes that are there, those of earlier tries included. */
    readonly haveBytes: number;
    /** Bytes of all files that are known by now. */
    readonly totalBytes: number;
  }
  | {
    /** The network failed and it is tried again, or another process is waited for. */
    readonly kind: "notice";
    /** What goes on, in a line. */
    readonly message: string;
  };

/** Options of {@linkcode downloadModel}. */
export interface DownloadOptions {
  /** Where from, and where to. */
  readonly settings: HubSettings;
  /** The tokenizer alone, or the weights too. @default {"model"} */
  readonly part?: ModelPart;
  /** Called as the download goes on. @default {nothing is called} */
  readonly onEvent?: (event: DownloadEvent) => void;
  /** Ends the download; what has come is kept. @default {nothing ends it} */
  readonly signal?: AbortSignal;
  /** When to try again. @default {five times, after 1, 2, 4 and 8 seconds} */
  readonly retry?: RetryPolicy;
}

/** A model in the cache. */
export interface DownloadedModel {
  /** Its folder. */
  readonly folder: string;
  /** Hash of its commit. */
  readonly commit: string;
  /** Bytes that have come now; 0 if all of it was there. */
  readonly downloadedBytes: number;
}

/** Files that are downloaded at a time. */
const PARALLEL = 4;

/**
 * Downloads what is missing of a model and returns its folder. A snapshot gets its files when all of them are
 * in the cache and right, `config.json` last: it is never seen with a part of them.
 *
 * @throws {UserError} If the hub refuses or cannot be reached, something sent is wrong, or the disk is full.
 */
export async function downloadModel(
  reference: HubReference,
  options: DownloadOptions,
): Promise<DownloadedModel> {
  const { settings, part = "model", onEvent = () => {}, retry = {} } = options;
  const subject = { reference, settings };
  if (settings.offline) return offlineModel(reference, { settings, part });
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...options.signal ? [options.signal] : []]);
  const notice = (message: string) => onEvent({ kind: "notice", message });
  const client: ClientOptions = { settings, retry, signal, onRetry: notice };
  const { commit, files } = await fetchRevision(reference, client);
  const chosen = chooseModelFiles(files, part);
  if (typeof chosen === "string") throw cannotDownload(subject, chosen);
  const folders = repositoryFolders(settings.cache, reference.repository);
  const snapshot = join(folders.snapshots, commit);

  const blobs = new Map<string, string>();
  let downloadedBytes = 0;
  let earlierTotal = 0;
  const fetchAll = async (names: readonly string[]) => {
    const missing = names.filter((name) => !existsSync(join(snapshot, name)));
    const infos = await parallel(missing, {
      stop,
      work: (name) => fetchFileInfo(name, { ...client, reference, commit }),
    });
    await checkSpace(infos, { folders, reference });
    const have = infos.map((info) => existsSync(blobPath(folders, info)) ? info.sizeBytes : 0);
    const totalBytes = earlierTotal + sum(infos.map(({ sizeBytes }) => sizeBytes));
    const report = () =>
      onEvent({ kind: "progress", haveBytes: earlierTotal + sum(have), totalBytes });
    if (infos.length > 0) report();
    await parallel(infos.map((info, i) => ({ info, i })), {
      stop,
      work: async ({ info, i }) => {
        let first: number | undefined;
        await downloadBlob(info, {
          ...client,
          reference,
          folders,
          onWait: () => notice(`another process downloads "${info.name}"; waiting for it`),
          onBytes(bytes) {
            first ??= bytes;
            have[i] = bytes;
            report();
          },
        });
        downloadedBytes += first === undefined ? 0 : info.sizeBytes - first;
        have[i] = info.sizeBytes;
        blobs.set(info.name, blobPath(folders, info));
      },
    });
    if (infos.length > 0) report();
    earlierTotal = totalBytes;
  };

  await fetchAll(chosen.small);
  const shards = chosen.indexed
    ? await shardNames(blobs.get(WEIGHTS_INDEX_FILE) ?? join(snapshot, WEIGHTS_INDEX_FILE), files)
    : [];
  await fetchAll([...chosen.weights, ...shards]);
  const configLast = [...blobs].sort(([a], [b]) =>
    Number(a === CONFIG_FILE) - Number(b === CONFIG_FILE)
  );
  for (const [name, blob] of configLast) await linkBlob(blob, join(snapshot, name));
  if (!isCommit(reference.revision)) await writeRef(join(folders.refs, reference.revision), commit);
  return { folder: snapshot, commit, downloadedBytes };
}

function offlineModel(
  reference: HubReference,
  { settings, part }: { readonly settings: HubSettings; readonly part: ModelPart },
): DownloadedModel {
  const folder = cachedSnapshot(settings.cache, reference);
  if (folder !== undefined && isEnough(folder, part)) {
    return { folder, commit: folder.slice(-40), downloadedBytes: 0 };
  }
  throw new UserError(
    `Cannot download "${
      formatReference(reference)
    }": HF_HUB_OFFLINE is set and it is not whole in ` +
      `"${settings.cache}"; unset HF_HUB_OFFLINE, or choose the cache with HF_HOME`,
  );
}

/** Whether a snapshot has what is wanted of a model. */
export function isEnough(folder: string, part: ModelPart): boolean {
  return isWholeModel(folder) ||
    (part === "tokenizer" && existsSync(join(folder, CONFIG_FILE)) &&
      existsSync(join(folder, "tokenizer.json")));
}

/** Returns the files that an index names; all of them must lie beside it. */
async function shardNames(index: string, files: readonly string[]): Promise<readonly string[]> {
  const { weight_map } = decode(anyObject(), await readJsonFile(index), index);
  const shards = new Set(Object.values(decode(anyObject(), weight_map, `${index}: weight_map`)));
  return [...shards].map((name) => {
    if (typeof name === "string" && /^[^/\\]+\.safetensors$/.test(name) && files.includes(name)) {
      return name;
    }
    throw new UserError(
      `Cannot download the weights that "${WEIGHTS_INDEX_FILE}" names: ${
        JSON.stringify(name)
      } is no file of the repository's own folder`,
    );
  });
}

async function checkSpace(
  files: readonly RemoteFile[],
  { folders, reference }: { readonly folders: RepositoryFolders; readonly reference: HubReference },
): Promise<void> {
  const needed = sum(files.map((file) => existsSync(blobPath(folders, file)) ? 0 : missing(file)));
  const free = await freeBytes(folders.blobs);
  if (free === undefined || needed <= free) return;
  throw new UserError(
    `Cannot download "${formatReference(reference)}": it needs ${formatBytes(needed)} and ` +
      `${formatBytes(free)} are free at "${folders.blobs}"; free some space, or choose another ` +
      "place with HF_HOME",
  );

  function missing(file: RemoteFile): number {
    try {
      return file.sizeBytes - Deno.statSync(`${blobPath(folders, file)}.incomplete`).size;
    } catch {
      return file.sizeBytes;
    }
  }
}

/** Free space where `folder` is to be; `undefined` where the system does not say. */
async function freeBytes(folder: string): Promise<number | undefined> {
  const parent = dirname(folder);
  if (!existsSync(folder) && parent !== folder) return await freeBytes(parent);
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** Does `work` on several items at a time; the first failure stops the rest and is thrown once all have ended. */
async function parallel<T, R>(
  items: readonly T[],
  { work, stop }: { readonly work: (item: T) => Promise<R>; readonly stop: AbortController },
): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: PARALLEL }, async () => {
    while (next < items.length && failures.length === 0) {
      const i = next++;
      try {
        results[i] = await work(items[i]!);
      } catch (error) {
        failures.push(error);
        stop.abort(error);
      }
    }
  }));
  if (failures.length > 0) throw failures[0];
  return results;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
