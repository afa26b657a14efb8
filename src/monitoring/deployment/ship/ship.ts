/**
 * Brings the files of a model to a host.
 *
 * @module
 */

import type { HostClient } from "../host_client.ts";
import { parseShipping, type Shipping } from "../host_settings.ts";
import type { ShippedPart } from "../model_parts.ts";
import { serveFiles } from "./file_server.ts";
import { linkFolder } from "./link_folder.ts";
import { rsyncFolder } from "./rsync_folder.ts";
import { type S3Place, uploadToS3 } from "./s3_upload.ts";

/** What shipping takes. */
export interface ShipOptions {
  /** Speaks with the host. */
  readonly client: HostClient;
  /** The S3 service, for hosts that are reached through one. */
  readonly s3: Omit<S3Place, "env">;
  /** The environment, for credentials and programs. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

type OfKind<K extends Shipping["kind"]> = Extract<Shipping, { readonly kind: K }>;

/** How parts get there: each way leaves a folder whole or not there, and does nothing where it is there already. */
const WAYS: {
  readonly [K in Shipping["kind"]]: (
    shipping: OfKind<K>,
    part: ShippedPart,
    options: ShipOptions,
  ) => Promise<void>;
} = {
  link: ({ root }, part, { signal }) => linkFolder(part, { root, signal }),
  rsync: ({ target, root }, part, { env, signal }) =>
    rsyncFolder(part, { target, root, env, signal }),
  url: ({ base }, part, { client }) =>
    pull(client, part, (path) => `${base}/${part.folder}/${path}`),
  async s3({ bucket, prefix }, part, { client, s3, env, signal }) {
    const urls = await uploadToS3(part.files, { ...s3, env, bucket, prefix, signal });
    await pull(client, part, (path) => urls.get(path)!);
  },
  async serve({ hostname, port }, part, { client }) {
    await using server = await serveFiles(part.files, { url: client.host.url, hostname, port });
    await pull(client, part, (path) => server.urlOf(path));
  },
};

/** Brings `parts` to the host of `client`. */
export async function shipParts(
  parts: readonly ShippedPart[],
  options: ShipOptions,
): Promise<void> {
  const shipping = parseShipping(options.client.host.ship);
  for (const part of parts) {
    options.signal.throwIfAborted();
    // the table is total over the kinds, which the compiler cannot follow through a union
    const way = WAYS[shipping.kind] as (
      shipping: Shipping,
      part: ShippedPart,
      options: ShipOptions,
    ) => Promise<void>;
    await way(shipping, part, options);
  }
}

async function pull(
  client: HostClient,
  { folder, files }: ShippedPart,
  urlOf: (path: string) => string,
): Promise<void> {
  await client.pull(
    folder,
    files.map(({ path, sha256, bytes }) => ({
      path,
      url: urlOf(path.split("/").map(encodeURIComponent).join("/")),
      sha256,
      bytes,
    })),
  );
}
