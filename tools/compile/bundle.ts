/**
 * Bundles the program and its workers.
 *
 * `deno compile --bundle` makes one file of it, and hoists to its top what every module imports from Node's
 * library: loading that takes 45 ms at each start. `deno bundle` can split the code, so that a start loads what it
 * needs; but it does not follow workers, which is therefore done here.
 *
 * @module
 */

import { dirname, join, relative, resolve } from "node:path";
import { runDeno } from "./run_deno.ts";

/** Options of {@linkcode bundle}. */
export interface BundleOptions {
  /** Entry point. */
  readonly entry: string;
  /** Folder of source files; a worker anywhere in it becomes an entry point too. */
  readonly sources: string;
  /** Folder to write to. */
  readonly folder: string;
  /** Further arguments of `deno bundle`. */
  readonly args: readonly string[];
}

/** What {@linkcode bundle} wrote. */
export interface Bundle {
  /** The bundled entry point. */
  readonly entry: string;
  /** The bundled workers. */
  readonly workers: readonly string[];
}

/** How a module starts a worker: the form that also works without bundling. */
export const WORKER = /new Worker\(\s*new URL\(\s*"(\.[^"]+)"\s*,\s*import\.meta\.url\s*\)/g;

/**
 * Bundles `entry` and all workers into `folder`.
 *
 * @throws {Error} If two workers in different folders are called by the same relative path.
 */
export async function bundle(options: BundleOptions): Promise<Bundle> {
  const { entry, sources, folder, args } = options;
  const workers = await findWorkers([entry, ...await typescriptFiles(sources)]);
  const entries = [entry, ...workers.values()];
  // Not minified: the minifier puts the value of a `using` that is read once in the place where it is read, and what
  // was to be disposed of never is (seen with Deno 2.9.6: locks that were held for ever).
  await runDeno([
    "bundle",
    "--quiet",
    "--platform=deno",
    "--code-splitting",
    `--outdir=${folder}`,
    ...args,
    ...entries,
  ]);
  const base = commonFolder(entries);
  const bundled = (path: string) => join(folder, relative(base, path).replace(/\.ts$/, ".js"));
  const targets = new Map([...workers].map(([specifier, path]) => [specifier, bundled(path)]));
  for await (const path of javascriptFiles(folder)) {
    await redirectWorkers(path, targets);
    await dropHelperImport(path);
  }
  return { entry: bundled(entry), workers: [...targets.values()] };
}

/** Returns the files of all workers by the relative path that starts them. */
export async function findWorkers(files: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const workers = new Map<string, string>();
  for (const file of files) {
    for (const [, specifier] of (await Deno.readTextFile(file)).matchAll(WORKER)) {
      const path = resolve(dirname(file), specifier!);
      const other = workers.get(specifier!) ?? path;
      if (other !== path) {
        throw new Error(
          `Cannot bundle: "${specifier}" is both "${path}" and "${other}"; rename one`,
        );
      }
      workers.set(specifier!, path);
    }
  }
  return workers;
}

/** Makes the bundled file `path` start the bundled workers, which lie elsewhere than the sources did. */
async function redirectWorkers(path: string, targets: ReadonlyMap<string, string>): Promise<void> {
  const text = await Deno.readTextFile(path);
  const redirected = text.replace(WORKER, (call, specifier: string) => {
    const target = relative(dirname(path), targets.get(specifier)!);
    return call.replace(`"${specifier}"`, JSON.stringify(`./${target.replaceAll("\\", "/")}`));
  });
  if (redirected !== text) await Deno.writeTextFile(path, redirected);
}

/** What the chunk of the bundler's helpers begins with. */
const HELPERS = /createRequire as __deno_internal_createRequire/;

/** An import for its effects alone. */
const BARE_IMPORT = /import\s*"(\.\/chunk-\w+\.js)";?/g;

/**
 * Takes out of the bundled file `path` the bare import of the bundler's helpers. They only define things, but they
 * load `node:module`, which costs every start 15 ms.
 */
async function dropHelperImport(path: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  const chunks = [...new Set([...text.matchAll(BARE_IMPORT)].map(([, chunk]) => chunk!))];
  let shortened = text;
  for (const chunk of chunks) {
    const imported = await Deno.readTextFile(join(dirname(path), chunk));
    if (!HELPERS.test(imported)) continue;
    shortened = shortened.replace(BARE_IMPORT, (line, name) => name === chunk ? "" : line);
  }
  if (shortened !== text) await Deno.writeTextFile(path, shortened);
}

/** Returns the TypeScript files in `folder` and the folders in it. */
export async function typescriptFiles(folder: string): Promise<string[]> {
  return await Array.fromAsync(files(folder, ".ts"));
}

function javascriptFiles(folder: string): AsyncIterable<string> {
  return files(folder, ".js");
}

async function* files(folder: string, extension: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* files(path, extension);
    else if (name.endsWith(extension)) yield path;
  }
}

/** The folder that the bundler takes as the root of its output. */
function commonFolder(paths: readonly string[]): string {
  let common = dirname(paths[0]!);
  for (const path of paths) {
    while (relative(common, path).startsWith("..")) common = dirname(common);
  }
  return common;
}
