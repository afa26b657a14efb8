/**
 * The hash of a model's content, by which answers say what gave them.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { hashFile } from "../datasets/sources/hash_file.ts";
import { fileError } from "../utils/file_error.ts";
import type { LoadRequest } from "./worker_protocol.ts";

/** Files of a model's folder that decide about what it answers; what training keeps beside them does not. */
const DECIDES =
  /^(?!optimizer|trainer|manifest|run\.).*\.(safetensors|json|jinja|txt|model|gguf|onnx)$/;

/** Folders of such files in a model's folder. */
const PARTS = ["onnx", "1_Pooling"];

/**
 * Returns the SHA-256 of what a request loads: the files of the model and of its adapters, by name and content.
 *
 * @throws {UserError} If a file cannot be read.
 */
export async function hashModel(
  { folder, adapter, adapters = [] }: Pick<LoadRequest, "folder" | "adapter" | "adapters">,
): Promise<string> {
  const places = [
    { name: "model", place: folder },
    ...(adapter === undefined ? [] : [{ name: "adapter", place: adapter }]),
    ...adapters.map(({ name, folder }) => ({ name: `adapter ${name}`, place: folder })),
  ];
  const hash = createHash("sha256");
  for (const { name, place } of places) {
    for (const file of await decidingFiles(place)) {
      hash.update(`${name}\0${basename(file)}\0${await hashFile(file)}\n`);
    }
  }
  return hash.digest("hex");
}

/**
 * Returns the files of a model's or adapter's folder that decide about its answers, in the order of their names.
 *
 * @throws {UserError} If it cannot be read.
 */
export async function decidingFiles(place: string): Promise<readonly string[]> {
  try {
    const { isFile } = await Deno.stat(place);
    if (isFile) return [place];
    const names: string[] = [];
    for await (const entry of Deno.readDir(place)) {
      if (!entry.isDirectory && DECIDES.test(entry.name)) names.push(entry.name);
    }
    const own = names.sort().map((name) => join(place, name));
    const parts = PARTS.map((part) => join(place, part)).filter((part) => existsSync(part));
    return [...own, ...(await Promise.all(parts.map(decidingFiles))).flat()];
  } catch (error) {
    throw fileError("read", place, error);
  }
}
