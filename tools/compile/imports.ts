/**
 * What packages the executable consists of.
 *
 * @module
 */

import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };

/** A package that is not bundled: it holds libraries for six platforms, and the executable loads its own. */
const NATIVE_PACKAGE = "onnxruntime-node";

/** One that wants it, and is embedded as a file of its own (`transformers_js.ts`). */
const FOREIGN_PACKAGE = "@huggingface/transformers";

/** The part of a lock file that is used here. */
interface Lock {
  readonly version: string;
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<Record<string, unknown>>;
}

/** Writes an import map and a lock file without these packages; returns the arguments that name them. */
export async function writeImports(root: string, folder: string): Promise<readonly string[]> {
  const importMap = join(folder, "import_map.json");
  const lockFile = join(folder, "deno.lock");
  const {
    [NATIVE_PACKAGE]: _,
    [`${NATIVE_PACKAGE}/`]: __,
    [FOREIGN_PACKAGE]: ___,
    ...imports
  } = config.imports;
  const binding = import.meta.resolve("./no_binding.ts");
  await Deno.writeTextFile(
    importMap,
    JSON.stringify({ imports: { ...imports, [`${NATIVE_PACKAGE}/dist/binding.js`]: binding } }),
  );
  const lock: Lock = JSON.parse(await Deno.readTextFile(join(root, "deno.lock")));
  await Deno.writeTextFile(
    lockFile,
    JSON.stringify({
      version: lock.version,
      specifiers: withoutNative(lock.specifiers),
      npm: withoutNative(lock.npm),
    }),
  );
  return [`--import-map=${importMap}`, `--lock=${lockFile}`];
}

function withoutNative<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(record).filter(([key]) =>
      !key.includes(NATIVE_PACKAGE) && !key.includes(FOREIGN_PACKAGE)
    ),
  );
}
