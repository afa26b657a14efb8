/**
 * Makes executables: the program is bundled once, and ONNX Runtime's binary files are embedded beside it, compressed
 * and for one platform only.
 *
 * @module
 */

import { join } from "node:path";
import { EMBEDDED_FOLDER } from "../../src/engine/runtime/embedded_file.ts";
import { type Bundle, bundle } from "./bundle.ts";
import { prepareEmbedded } from "./embedded_files.ts";
import { writeImports } from "./imports.ts";
import { runDeno } from "./run_deno.ts";
import type { Target } from "./targets.ts";
import { bundleTransformersJs } from "./transformers_js.ts";

/** Where the program lies, and where it is worked on. */
export interface Workplace {
  /** The project's folder. */
  readonly root: string;
  /** Folder of what is made on the way. */
  readonly folder: string;
}

/** Options of {@linkcode compileFor}. */
export interface CompileOptions {
  /** The triple that Deno calls the platform by. */
  readonly triple: string;
  /** The platform. */
  readonly target: Target;
  /** The bundled program. */
  readonly bundled: Bundle;
  /** The file to write; for Windows, Deno adds `.exe` where it lacks. */
  readonly output: string;
  /** The `denort` to build on. @default {`$DENORT_BIN`, else Deno's own download} */
  readonly denort?: string;
  /** Further files to embed, by name. @default {{}} */
  readonly extra?: Readonly<Record<string, string>>;
  /** When the embedded files were last changed, in seconds since the epoch. @default {when they were} */
  readonly modifiedSeconds?: number;
}

/** Bundles the program at `entry`. */
export async function bundleProgram(entry: string, { root, folder }: Workplace): Promise<Bundle> {
  const bundled = join(folder, "bundle");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.remove(bundled, { recursive: true }).catch(() => {});
  return await bundle({
    entry,
    sources: join(root, "src"),
    folder: bundled,
    args: [`--config=${join(root, "deno.json")}`, ...await writeImports(root, folder)],
  });
}

/** Compiles a bundled program for one platform. */
export async function compileFor(
  options: CompileOptions,
  { root, folder }: Workplace,
): Promise<void> {
  const { triple, target, bundled, output, denort, extra = {}, modifiedSeconds } = options;
  const embedded = join(folder, EMBEDDED_FOLDER);
  await prepareEmbedded(embedded, { target, store: join(folder, "compressed") });
  await bundleTransformersJs(embedded, join(root, "deno.lock"));
  for (const [name, text] of Object.entries(extra)) {
    await Deno.writeTextFile(join(embedded, name), text);
  }
  if (modifiedSeconds !== undefined) {
    // The executable holds these times: the same source gives the same bytes
    for (const path of [embedded, join(folder, "bundle")]) await setTimes(path, modifiedSeconds);
  }
  await runDeno([
    "compile",
    "--quiet",
    "--no-config",
    "--no-lock",
    "--no-check",
    "--allow-all",
    `--target=${triple}`,
    ...[...bundled.workers, embedded].map((path) => `--include=${path}`),
    `--output=${output}`,
    bundled.entry,
  ], denort === undefined ? {} : { DENORT_BIN: denort });
  for (const name of Object.keys(extra)) await Deno.remove(join(embedded, name));
}

async function setTimes(folder: string, seconds: number): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await setTimes(path, seconds);
    else await Deno.utime(path, seconds, seconds);
  }
}
