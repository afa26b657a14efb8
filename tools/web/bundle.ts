/**
 * Bundles the entry points and their workers for web servers.
 *
 * @module
 */

import { join, relative, sep } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { findWorkers, typescriptFiles, WORKER } from "../compile/bundle.ts";
import { runDeno } from "../compile/run_deno.ts";
import { nameInFull, type PackageVersions, readVersions } from "./full_names.ts";

/** Options of {@linkcode bundleWeb}. */
export interface WebBundleOptions {
  /** The folder of the repository. */
  readonly root: string;
  /** Folder to write to. */
  readonly folder: string;
}

/** The entry points. */
const ENTRIES = ["cli.ts", "server.ts"];

/** How the program finds its own entry point, to start itself again. */
const OWN_ENTRY = /import\.meta\.resolve\("(?:\.\.?\/)+cli\.ts"\)/g;

/** Writes the bundles and returns their paths. */
export async function bundleWeb({ root, folder }: WebBundleOptions): Promise<readonly string[]> {
  const entries = ENTRIES.map((entry) => join(root, entry));
  const workers = await findWorkers(await typescriptFiles(join(root, "src")));
  const names = new Map([...workers].map(([specifier, path]) => [specifier, flatName(path, root)]));
  const work = await Deno.makeTempDir({ prefix: "llm-training-web-" });
  try {
    await runDeno([
      "bundle",
      "--quiet",
      "--platform=deno",
      `--config=${join(root, "deno.json")}`,
      ...Object.keys(config.imports).map((name) =>
        `--external=${name.endsWith("/") ? `${name}*` : name}`
      ),
      `--outdir=${work}`,
      ...entries,
      ...workers.values(),
    ]);
    await Deno.mkdir(folder, { recursive: true });
    const versions = await readVersions(join(root, "deno.lock"));
    const written: string[] = [];
    for (const source of [...entries, ...workers.values()]) {
      const bundled = join(work, relative(root, source).replace(/\.ts$/, ".js"));
      const path = join(folder, flatName(source, root));
      await Deno.writeTextFile(
        path,
        forWeb(await Deno.readTextFile(bundled), { workers: names, versions }),
      );
      written.push(path);
    }
    return written;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** What {@linkcode forWeb} needs to know. */
interface WebNames {
  readonly workers: ReadonlyMap<string, string>;
  readonly versions: PackageVersions;
}

/** Returns the bundled `code` with all that it refers to where it will be. */
function forWeb(code: string, { workers, versions }: WebNames): string {
  const redirected = code
    .replace(
      WORKER,
      (call, specifier: string) => call.replace(specifier, `./${workers.get(specifier)}`),
    )
    .replace(OWN_ENTRY, 'import.meta.resolve("./cli.js")');
  return nameInFull(redirected, versions);
}

/** A name for a folder without folders: `inference_worker.js` for `src/inference/worker.ts`. */
function flatName(path: string, root: string): string {
  const parts = relative(root, path).replace(/\.ts$/, ".js").split(sep);
  return parts.filter((part) => part !== "src").join("_");
}
