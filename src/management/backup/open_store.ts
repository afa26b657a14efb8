/**
 * From the settings of backups to the store that they mean.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { homePaths } from "../../utils/paths.ts";
import type { BlobStore } from "./blob_store.ts";
import { folderStore } from "./folder_store.ts";
import { s3Store } from "./s3_store.ts";
import type { BackupSettings } from "./settings.ts";

/** Where backups go. */
export type Destination =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "s3"; readonly bucket: string; readonly prefix: string };

/**
 * Reads where backups go.
 *
 * @throws {UserError} If it is a URL that is not understood.
 */
export function parseDestination(destination: string | null, home: string): Destination {
  if (destination === null) return { kind: "folder", path: homePaths(home).backups };
  const url = /^([a-z][a-z0-9+.-]+):\/\/([^/]*)\/*(.*?)\/*$/i.exec(destination);
  if (url === null) return { kind: "folder", path: resolve(home, destination) };
  const [, scheme = "", bucket = "", prefix = ""] = url;
  if (scheme.toLowerCase() === "s3" && bucket !== "") return { kind: "s3", bucket, prefix };
  throw new UserError(
    `Cannot back up to "${destination}": the destination must be a folder or s3://bucket/prefix`,
  );
}

/** Options of {@linkcode openStore}. */
export interface OpenStoreOptions {
  /** The settings. */
  readonly settings: BackupSettings;
  /** The environment, for the credentials of S3. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends requests. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the store at a destination.
 *
 * @throws {UserError} If credentials are missing.
 */
export function openStore(
  destination: Destination,
  { settings, env, signal }: OpenStoreOptions,
): BlobStore {
  if (destination.kind === "folder") return folderStore(destination.path);
  const { bucket, prefix } = destination;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (!accessKeyId || !secretAccessKey) {
    throw new UserError(
      `Cannot reach "s3://${bucket}": set the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
    );
  }
  const region = settings.s3Region || env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "us-east-1";
  const endpoint = settings.s3Endpoint || env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] ||
    `https://s3.${region}.amazonaws.com`;
  if (!URL.canParse(endpoint)) {
    throw new UserError(
      `Cannot reach "s3://${bucket}": the endpoint "${endpoint}" is no URL, such as https://s3.example.org`,
    );
  }
  const credentials = { accessKeyId, secretAccessKey, sessionToken: env["AWS_SESSION_TOKEN"] };
  return s3Store({ bucket, prefix, endpoint, region, credentials, signal });
}

/** Returns the file by whose lock processes of this machine take turns at a destination. */
export function lockPathOf(destination: Destination, home: string): string {
  return destination.kind === "folder"
    ? join(destination.path, ".repository.lock")
    : join(home, ".backup.lock");
}
