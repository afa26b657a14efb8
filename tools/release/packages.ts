/**
 * The npm packages that the program consists of: those that something in its bundle comes from.
 *
 * @module
 */

import { join } from "node:path";
import { runDeno } from "../compile/run_deno.ts";

/** A package. */
export interface Package {
  /** Its name. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** Checksum, as `deno.lock` has it: `sha512-` and base64. */
  readonly integrity: string;
  /** Its licence, in SPDX's words where the package uses them. */
  readonly license: string;
  /** The text of the licence, where the package has it. */
  readonly licenseText?: string;
  /** Names and versions of what it depends on, as `name@version`. */
  readonly dependencies: readonly string[];
}

/** What is used here of `deno info --json`: packages by a key that begins with name and version. */
interface Info {
  readonly npmPackages: Readonly<
    Record<string, {
      readonly name: string;
      readonly version: string;
      readonly dependencies: readonly string[];
      readonly localPath: string;
    }>
  >;
}

/** What is used here of `deno.lock`. */
interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

/** How the bundler names the file of a package that it took something from, above that. */
const TAKEN = /^\s*\/\/ \S*\/npm\/[^/\s]+\/((?:@[^/\s]+\/)?[^/\s]+)\/([^/\s]+)\//gm;

/** Returns `name@version` of every package that something in the bundle in `folder` comes from. */
export async function bundledPackages(folder: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) { for (const each of await bundledPackages(path)) found.add(each); }
    if (!isFile || !name.endsWith(".js")) continue;
    for (const [, name, version] of (await Deno.readTextFile(path)).matchAll(TAKEN)) {
      found.add(`${name}@${version}`);
    }
  }
  return found;
}

/** Returns what is known of the packages `names`, each `name@version` or a name alone, sorted by name. */
export async function describePackages(
  names: ReadonlySet<string>,
  root: string,
): Promise<readonly Package[]> {
  const lock: Lock = JSON.parse(await Deno.readTextFile(join(root, "deno.lock")));
  const config = `--config=${join(root, "deno.json")}`;
  const info: Info = JSON.parse(await runDeno(["info", "--json", config, join(root, "cli.ts")]));
  const packages = new Map<string, Package>();
  for (
    const [key, { name, version, dependencies, localPath }] of Object.entries(info.npmPackages)
  ) {
    const id = `${name}@${version}`;
    if (!names.has(id) && !names.has(name)) continue;
    packages.set(id, {
      name,
      version,
      integrity: integrityOf(lock, key),
      ...await licenseOf(localPath),
      dependencies: dependencies.map((each) => each.replace(/_.*$/, "")).toSorted(),
    });
  }
  for (const wanted of names) {
    if (
      !packages.values().some(({ name, version }) => [name, `${name}@${version}`].includes(wanted))
    ) {
      throw new Error(`Cannot list packages: "${wanted}" is in the program but not in its imports`);
    }
  }
  return [...packages.values()].toSorted((a, b) => a.name < b.name ? -1 : 1);
}

function integrityOf({ npm }: Lock, key: string): string {
  const integrity = npm[key]?.integrity;
  if (integrity === undefined) throw new Error(`Cannot list packages: deno.lock lacks "${key}"`);
  return integrity;
}

/** What `package.json` may say of a licence, in its old forms too. */
interface Manifest {
  readonly license?: string | { readonly type?: string };
  readonly licenses?: readonly { readonly type?: string }[];
}

async function licenseOf(folder: string): Promise<Pick<Package, "license" | "licenseText">> {
  const { license, licenses }: Manifest = JSON.parse(
    await Deno.readTextFile(join(folder, "package.json")),
  );
  const stated = typeof license === "string" ? license : license?.type;
  const older = licenses?.flatMap(({ type }) => type ?? []).join(" OR ");
  const files = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  const texts = files.filter((name) => /^(licen[cs]e|notice|copying)\b/i.test(name)).toSorted();
  const licenseText = (await Promise.all(
    texts.map((name) => Deno.readTextFile(join(folder, name))),
  )).join("\n");
  return {
    license: stated ?? (older || "NOASSERTION"),
    ...(licenseText === "" ? {} : { licenseText }),
  };
}
