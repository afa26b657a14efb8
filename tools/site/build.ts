/**
 * Builds the site: every page in its place, what pages refer to beside them, and the index of the search.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { folderHtml, pageHtml } from "./layout.ts";
import { readPages, sitePath } from "./pages.ts";
import { renderPage } from "./render.ts";
import { searchIndex } from "./search_index.ts";

/** Options of {@linkcode buildSite}. */
export interface SiteOptions {
  /** The folder of the repository. */
  readonly root: string;
  /** Folder to write to; what is in it is removed first. */
  readonly folder: string;
}

/** What was built. */
export interface Site {
  /** How many pages. */
  readonly pages: number;
}

const ASSETS = ["site.css", "site.js"];

/**
 * Builds the site.
 *
 * @throws {Error} If a page refers to a file that is not there.
 */
export async function buildSite({ root, folder }: SiteOptions): Promise<Site> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  const pages = await readPages(root);
  const known = new Set(pages.map(({ path }) => path));
  const rendered = pages.map((page) => renderPage(page, { known }));
  const files = new Set(rendered.flatMap((page) => page.files));
  for (const page of rendered) {
    await write(join(folder, sitePath(page.path)), pageHtml(page, rendered));
  }
  for (const file of files) await copy(join(root, file), join(folder, file));
  for (const name of ASSETS) {
    await write(
      join(folder, name),
      await Deno.readTextFile(new URL(`assets/${name}`, import.meta.url)),
    );
  }
  await write(join(folder, "search.js"), searchIndex(rendered));
  return { pages: rendered.length };
}

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}

/** Copies a file, or a folder with a page that lists what is in it. */
async function copy(source: string, target: string): Promise<void> {
  if ((await Deno.stat(source)).isFile) {
    await Deno.mkdir(dirname(target), { recursive: true });
    return await Deno.copyFile(source, target);
  }
  const names = (await Array.fromAsync(Deno.readDir(source), ({ name }) => name)).sort();
  for (const name of names) await copy(join(source, name), join(target, name));
  await write(join(target, "index.html"), folderHtml(basename(source), names));
}
