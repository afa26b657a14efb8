/**
 * The native library inside the executable: it has to lie on disk to be loaded, so it is unpacked once.
 *
 * @module
 */

import { lstat, mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { homedir, tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import {
  EMBEDDED_MANIFEST,
  type EmbeddedManifest,
  embeddedUrl,
  unpackEmbedded,
} from "./embedded_file.ts";
import { returnMemory } from "../../utils/return_memory.ts";
import type { NativeBinding } from "./native_binding.ts";

/**
 * Loads the library from the user's cache, where it is put first if need be.
 *
 * @throws {Error} If there is none for this platform, or no folder to unpack it into.
 */
export async function loadEmbeddedBinding(): Promise<NativeBinding> {
  const manifest = JSON.parse(
    await readFile(embeddedUrl(EMBEDDED_MANIFEST), "utf8"),
  ) as EmbeddedManifest;
  const addon = manifest.native.find(({ name }) => name.endsWith(".node"));
  if (addon === undefined) throw new Error("this executable has none for its platform");
  const module: { exports: unknown } = { exports: {} };
  process.dlopen(module, join(await unpack(manifest), addon.name));
  return module.exports as NativeBinding;
}

/** Unpacks into the first folder that can be written; returns it. */
async function unpack(manifest: EmbeddedManifest): Promise<string> {
  const name = `native-${manifest.nativeHash}`;
  try {
    return await unpackInto(join(userCache(), name), manifest);
  } catch (error) {
    const folder = await privateTemporaryFolder().catch(() => undefined);
    if (folder === undefined) throw error;
    return await unpackInto(join(folder, name), manifest);
  }
}

/** Two processes may do this at once: each fills a folder of its own, the first to rename it wins. */
async function unpackInto(folder: string, { native }: EmbeddedManifest): Promise<string> {
  if (await isWhole(folder, native)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const part = await mkdtemp(`${folder}.part-`);
  try {
    for (const { name } of native) await unpackEmbedded(name, join(part, name));
    await rename(part, folder);
    returnMemory();
  } catch (error) {
    if (!await isWhole(folder, native)) throw error;
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  return folder;
}

async function isWhole(folder: string, native: EmbeddedManifest["native"]): Promise<boolean> {
  const sizes = await Promise.all(
    native.map(({ name }) => stat(join(folder, name)).then(({ size }) => size, () => undefined)),
  );
  return native.every(({ sizeBytes }, index) => sizes[index] === sizeBytes);
}

function userCache(): string {
  const home = homedir();
  switch (Deno.build.os) {
    case "windows":
      return join(home, "AppData", "Local", "llm-training", "cache");
    case "darwin":
      return join(home, "Library", "Caches", "llm-training");
    default:
      return join(home, ".cache", "llm-training");
  }
}

/** A folder in the common temporary one that nobody else can have put files into. */
async function privateTemporaryFolder(): Promise<string> {
  const uid = Deno.uid() ?? userInfo().uid; // a container's user need not have a name
  const folder = join(tmpdir(), `llm-training-${uid}`);
  await mkdir(folder, { mode: 0o700 }).catch(() => {});
  const status = await lstat(folder);
  if (!status.isDirectory() || status.uid !== uid || (status.mode & 0o077) !== 0) {
    throw new Error(`"${folder}" is not this user's own folder`);
  }
  return folder;
}
