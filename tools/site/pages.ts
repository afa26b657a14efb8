/**
 * The pages of the site, in the order of its navigation.
 *
 * @module
 */

import { basename, dirname, join, relative } from "node:path";
import { withSettingTables } from "../../src/cli/configuration_reference.ts";
import { withMigrationTable } from "../../src/cli/migration_reference.ts";
import { commandReference } from "../../src/cli/reference.ts";

/** A page as it is written. */
export interface Page {
  /** Path of its source from the project's root, with `/`. */
  readonly path: string;
  /** Its first heading. */
  readonly title: string;
  /** Its Markdown. */
  readonly markdown: string;
  /** Where it stands in the navigation. */
  readonly group: Group;
}

/** Parts of the navigation, in their order. */
export const GROUPS = ["Start", "Guides", "Reference", "As a library", "The project"] as const;

/** A part of the navigation. */
export type Group = (typeof GROUPS)[number];

/** Pages outside `docs/` and the part of each. */
const OTHERS: Readonly<Record<string, Group>> = {
  "README.md": "Start",
  "configs/README.md": "Reference",
  "data/README.md": "Reference",
  "ARCHITECTURE.md": "The project",
  "CONTRIBUTING.md": "The project",
  "CHANGELOG.md": "The project",
};

/** Pages of `docs/` that are no guides. */
const REFERENCE = [
  "docs/cli.md",
  "docs/configuration.md",
  "docs/migration.md",
  "docs/performance.md",
];

/** What is made from the code, whether or not the page in the repository is up to date. */
const FROM_CODE: Readonly<Record<string, (page: string) => string | Promise<string>>> = {
  "docs/cli.md": () => commandReference(),
  "docs/configuration.md": withSettingTables,
  "docs/migration.md": withMigrationTable,
};

/** Reads all pages below `root`. */
export async function readPages(root: string): Promise<readonly Page[]> {
  const index = await Deno.readTextFile(join(root, "docs/README.md"));
  const inIndex = Array.from(
    index.matchAll(/\]\((?!\.\.)([^)]+\.md)\)/g),
    ([, path]) => `docs/${path}`,
  );
  const inDocs = (await Array.fromAsync(markdownFiles(join(root, "docs"))))
    .map((path) => relative(root, path).replaceAll("\\", "/")).sort();
  const ordered = [...new Set([...Object.keys(OTHERS), "docs/README.md", ...inIndex, ...inDocs])];
  const pages = await Promise.all(ordered.map(async (path) => {
    const written = await Deno.readTextFile(join(root, path));
    const markdown = await (FROM_CODE[path]?.(written) ?? written);
    const title = /^# (.+)$/m.exec(markdown)?.[1] ?? basename(path);
    return { path, title: title.replaceAll("`", ""), markdown, group: groupOf(path) };
  }));
  return pages.toSorted((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group));
}

/** Returns where a page lies in the site: beside its source's place, folders having an `index.html`. */
export function sitePath(path: string): string {
  const folder = dirname(path);
  const name = basename(path, ".md");
  const file = name === "README" ? "index.html" : `${name}.html`;
  return folder === "." ? file : `${folder}/${file}`;
}

function groupOf(path: string): Group {
  const other = OTHERS[path];
  if (other !== undefined) return other;
  if (path === "docs/README.md") return "Start";
  if (path.startsWith("docs/api/")) return "As a library";
  return REFERENCE.includes(path) ? "Reference" : "Guides";
}

async function* markdownFiles(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* markdownFiles(path);
    else if (name.endsWith(".md")) yield path;
  }
}
