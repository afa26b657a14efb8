/**
 * The project's own source files, and what each of them imports.
 *
 * @module
 */

import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** A source file. */
export interface SourceFile {
  /** Path from the project's root, with `/`. */
  readonly path: string;
  /** What is in it. */
  readonly text: string;
}

/** An import, also of a type, or of a worker. */
export interface Import {
  /** As it is written. */
  readonly specifier: string;
  /** Path of the imported file from the project's root; `undefined` if it is a package. */
  readonly target: string | undefined;
  /** Whether it happens when the line is reached, not before. */
  readonly dynamic: boolean;
}

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const IMPORT =
  /^(?:import|export)\b[^"';]*?\bfrom\s*["']([^"'$]+)["']|^import\s*["']([^"'$]+)["']|\bimport\(\s*["']([^"'$]+)["']|\bnew URL\(\s*["'](\.[^"'$]+)["'],\s*import\.meta\.url/gm;

/** Returns the TypeScript files of the project's `folders`, and those that lie at its top. */
export async function readSources(folders: readonly string[]): Promise<SourceFile[]> {
  const paths: string[] = [];
  for await (const { name, isFile } of Deno.readDir(ROOT)) if (isFile) paths.push(join(ROOT, name));
  for (const folder of folders) await collect(join(ROOT, folder), paths);
  const sources = paths.filter((path) => path.endsWith(".ts")).toSorted();
  return await Promise.all(sources.map(async (path) => ({
    path: relative(ROOT, path).replaceAll("\\", "/"),
    text: await Deno.readTextFile(path),
  })));
}

/** Returns a source's text without its comments, with as many lines. */
export function withoutComments(text: string): string {
  const blank = (comment: string) => comment.replaceAll(/[^\n]/g, "");
  return text.replaceAll(/\/\*[^]*?\*\//g, blank).replaceAll(/(?<=^|\s)\/\/.*$/gm, "");
}

/** Returns what `file` imports. */
export function importsOf({ path, text }: SourceFile): Import[] {
  return Array.from(withoutComments(text).matchAll(IMPORT), (match) => {
    const specifier = match.slice(1).find((group) => group !== undefined)!;
    const target = specifier.startsWith(".")
      ? join(dirname(path), specifier).replaceAll("\\", "/")
      : undefined;
    return { specifier, target, dynamic: match[0].startsWith("import(") };
  });
}

async function collect(folder: string, paths: string[]): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) await collect(join(folder, name), paths);
    else paths.push(join(folder, name));
  }
}
