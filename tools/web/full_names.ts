/**
 * Names of packages in full: `npm:hono@4.13.19/cors` for `hono/cors`.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

/** The exact version of every package that is imported by name. */
export type PackageVersions = ReadonlyMap<string, string>;

/** The part of a lock file that is used here. */
interface Lock {
  readonly specifiers: Readonly<Record<string, string>>;
}

/** Reads the versions that the lock file at `path` has. */
export async function readVersions(path: string): Promise<PackageVersions> {
  const { specifiers }: Lock = JSON.parse(await Deno.readTextFile(path));
  const locked = Object.entries(specifiers).map(([specifier, version]) => {
    const name = specifier.replace(/^npm:(.+)@[^@]*$/, "$1");
    return [name, version.replace(/_.*/, "")] as const; // behind "_" are the packages that it was joined with
  });
  const versions = new Map(locked);
  for (const name of packageNames()) {
    if (!versions.has(name)) throw new Error(`Cannot find the version of "${name}" in "${path}"`);
  }
  return versions;
}

/** A specifier in code that Deno's bundler wrote: a statement at the start of a line, or a call. */
const SPECIFIER =
  /(?<=^(?:import|export)\b[^"'`;]*"|^\} from "|\bimport\(")(?<name>(?:@[\w.-]+\/)?[\w-][\w.-]*)(?<path>\/[^"]*)?(?=")/gm;

/** Returns `code` with every import of a package named in full. */
export function nameInFull(code: string, versions: PackageVersions): string {
  const known = new Set(packageNames());
  return code.replace(SPECIFIER, (specifier, name: string, path: string | undefined) => {
    return known.has(name) ? `npm:${name}@${versions.get(name)}${path ?? ""}` : specifier;
  });
}

function packageNames(): readonly string[] {
  return Object.keys(config.imports).filter((name) => !name.endsWith("/"));
}
