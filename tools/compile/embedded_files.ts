/**
 * Gathers the files of ONNX Runtime and of what draws pictures for the executable.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import config from "../../deno.json" with { type: "json" };
import {
  EMBEDDED_MANIFEST,
  type EmbeddedManifest,
} from "../../src/engine/runtime/embedded_file.ts";
import { WASM_BUILD } from "../../src/engine/runtime/wasm.ts";
import { WEBGPU_BUILD } from "../../src/engine/runtime/webgpu.ts";
import { PNG_ASSETS } from "../../src/monitoring/plots/png.ts";
import { writeFileAtomic } from "../../src/utils/atomic_file.ts";
import { runDeno } from "./run_deno.ts";
import type { Target } from "./targets.ts";

/** Measured on the files at hand: as small as brotli's quality 10, unpacked in a third of the time. */
const COMPRESSION_LEVEL = 19;

/** A file to embed. */
interface Source {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Options of {@linkcode prepareEmbedded}. */
export interface EmbeddedOptions {
  /** The platform. */
  readonly target: Target;
  /** Folder in which compressed files are kept by content, for further platforms and times. */
  readonly store: string;
}

/** Fills `folder` with all that the executable for a platform needs; what is there and right stays. */
export async function prepareEmbedded(
  folder: string,
  { target, store }: EmbeddedOptions,
): Promise<void> {
  const web = join(await packageFolder("onnxruntime-web"), "dist");
  const builds = [WASM_BUILD, WEBGPU_BUILD];
  const modules = builds.map((build) => `${build}.mjs`);
  const binaries = await sources(web, builds.map((build) => `${build}.wasm`));
  const drawing = (await Promise.all(Object.values(PNG_ASSETS).map(pngAsset))).flat();
  const libraries = await nativeLibraries(target);
  const manifest: EmbeddedManifest = {
    native: libraries.map(({ name, sizeBytes }) => ({ name, sizeBytes })),
    nativeHash: sha256(libraries.map((library) => library.sha256).join()).slice(0, 16),
  };
  const others = [...binaries, ...drawing];
  const text = JSON.stringify({ ...manifest, others: others.map(({ sha256 }) => sha256) });
  const manifestPath = join(folder, EMBEDDED_MANIFEST);
  if (await Deno.readTextFile(manifestPath).catch(() => undefined) === text) return;
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  for (const name of modules) await Deno.copyFile(join(web, name), join(folder, name));
  for (const source of [...others, ...libraries]) {
    await Deno.copyFile(await compressed(source, store), join(folder, `${source.name}.zst`));
  }
  await Deno.writeTextFile(manifestPath, text); // last: it says that the others are there
}

async function nativeLibraries(target: Target): Promise<readonly Source[]> {
  if (target.folder === undefined) return [];
  const folder = join(await packageFolder("onnxruntime-node"), "bin", "napi-v6", target.folder);
  return await sources(folder, target.libraries.toSorted());
}

async function pngAsset(
  { package: name, path }: (typeof PNG_ASSETS)[keyof typeof PNG_ASSETS],
): Promise<readonly Source[]> {
  return await sources(join(await packageFolder(name), dirname(path)), [basename(path)]);
}

async function sources(folder: string, names: readonly string[]): Promise<readonly Source[]> {
  return await Promise.all(names.map(async (name) => {
    const path = join(folder, name);
    const bytes = await Deno.readFile(path);
    return { name, path, sha256: sha256(bytes), sizeBytes: bytes.length };
  }));
}

/** Returns the path of a compressed copy of `source`. */
async function compressed(source: Source, store: string): Promise<string> {
  const path = join(store, `${source.sha256}-${COMPRESSION_LEVEL}.zst`);
  if (existsSync(path)) return path;
  await Deno.mkdir(store, { recursive: true });
  const bytes = await promisify(zstdCompress)(await Deno.readFile(source.path), {
    params: { [constants.ZSTD_c_compressionLevel]: COMPRESSION_LEVEL },
  });
  await writeFileAtomic(path, bytes);
  return path;
}

/** Returns the folder of a package in Deno's cache, where it is put first if need be. */
async function packageFolder(name: keyof typeof config.imports): Promise<string> {
  const specifier = config.imports[name];
  const info = await runDeno(["info", "--json", "--no-lock", specifier]);
  const { npmPackages } = JSON.parse(info) as {
    readonly npmPackages: Readonly<Record<string, { readonly localPath: string }>>;
  };
  const found = Object.entries(npmPackages).find(([key]) => key.startsWith(`${name}@`))?.[1];
  if (found === undefined) throw new Error(`Cannot find package "${name}" in Deno's cache`);
  return found.localPath;
}

function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}
