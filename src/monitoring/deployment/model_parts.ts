/**
 * The files of a model as they are shipped: only what decides about its answers, and its licence.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { hashFile } from "../../datasets/sources/hash_file.ts";
import type { WeightWish } from "../../inference/generation/weight_types.ts";
import { decidingFiles, hashModel } from "../../inference/model_hash.ts";
import { isGgufPath } from "../../utils/paths.ts";
import type { DeployedModel } from "./deployment.ts";
import { readLicense } from "./license.ts";

/** A file that is shipped. */
export interface ShippedFile {
  /** Where it lies here. */
  readonly source: string;
  /** Its name in the folder there. */
  readonly path: string;
  /** Its size. */
  readonly bytes: number;
  /** SHA-256 of it. */
  readonly sha256: string;
}

/** A folder that is shipped as a whole. */
export interface ShippedPart {
  /** Its name in the host's model root: it tells its content, so that what is there need not be shipped. */
  readonly folder: string;
  /** Its files. */
  readonly files: readonly ShippedFile[];
}

/** Files that say what may be done with a model. */
const LICENSE_FILE = /^(?:LICEN[CS]E|NOTICE|USE_POLICY)\b/i;

/** Options of {@linkcode describeForHosts}. */
export interface DescribeOptions {
  /** What it is called. */
  readonly id: string;
  /** Its folder, or `.gguf` file. */
  readonly folder: string;
  /** An adapter for it. */
  readonly adapter?: string | undefined;
  /** The form in which hosts hold its weights. */
  readonly weights: WeightWish;
  /** Its licence, where its files tell none. */
  readonly license?: string | undefined;
}

/**
 * Describes a model by its content.
 *
 * @throws {UserError} If its files cannot be read.
 */
export async function describeForHosts(options: DescribeOptions): Promise<DeployedModel> {
  const { id, folder, adapter, weights } = options;
  const contentHash = await hashModel({ folder, ...(adapter === undefined ? {} : { adapter }) });
  let bytes = 0;
  for (const place of [folder, ...(adapter === undefined ? [] : [adapter])]) {
    for (const file of await decidingFiles(place)) bytes += (await Deno.stat(file)).size;
  }
  return {
    name: contentName(id, contentHash),
    ...{ folder, adapter: adapter ?? null, contentHash, weights, bytes },
    base: adapter === undefined ? null : contentName(basename(folder), await hashModel({ folder })),
    license: options.license ?? await readLicense([...(adapter ? [adapter] : []), folder]),
  };
}

/** Returns the folders that a host needs for a model. */
export async function partsOf(model: DeployedModel): Promise<readonly ShippedPart[]> {
  const { folder, adapter, base, name } = model;
  if (adapter === null || base === null) return [{ folder: name, files: await filesOf(folder) }];
  return [
    { folder: base, files: await filesOf(folder) },
    { folder: name, files: await filesOf(adapter) },
  ];
}

/** Returns what a host is asked to load once the parts lie there. */
export function placesOf(
  { name, folder, base }: DeployedModel,
): { readonly folder: string; readonly adapter?: string } {
  const place = isGgufPath(folder) ? `${base ?? name}/${basename(folder)}` : base ?? name;
  return base === null ? { folder: place } : { folder: place, adapter: name };
}

async function filesOf(place: string): Promise<readonly ShippedFile[]> {
  const files = [...await decidingFiles(place)];
  const folder = isGgufPath(place) ? dirname(place) : place;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (!isDirectory && LICENSE_FILE.test(name) && !files.includes(path)) files.push(path);
  }
  const shipped: ShippedFile[] = [];
  for (const source of files) {
    if (!existsSync(source)) continue;
    const { size: bytes } = await Deno.stat(source);
    const path = relative(folder, source).replaceAll("\\", "/");
    shipped.push({ source, path, bytes, sha256: await hashFile(source) });
  }
  return shipped;
}

/** A name that tells the content: two models of one name are two names, one model is one wherever it comes from. */
function contentName(id: string, hash: string): string {
  const plain = id.replace(/\.gguf$/i, "").replaceAll(/[^A-Za-z0-9.-]+/g, "-")
    .replaceAll(/^[-.]+|[-.]+$/g, "").slice(0, 60);
  return `${plain || "model"}-${hash.slice(0, 12)}`;
}
