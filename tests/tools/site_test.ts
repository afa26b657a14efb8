import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { COMMANDS } from "../../src/cli/commands.ts";
import { TRAIN_SETTINGS } from "../../src/cli/settings_sections.ts";
import { buildSite } from "../../tools/site/build.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A page that was built. */
interface BuiltPage {
  readonly path: string;
  readonly html: string;
  readonly ids: ReadonlySet<string>;
}

async function readSite(folder: string): Promise<ReadonlyMap<string, BuiltPage>> {
  const pages = new Map<string, BuiltPage>();
  const visit = async (place: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(place)) {
      const path = join(place, name);
      if (isDirectory) await visit(path);
      if (!name.endsWith(".html")) continue;
      const html = await Deno.readTextFile(path);
      const ids = Array.from(html.matchAll(/ id="([^"]*)"/g), ([, id]) => id!);
      assert.equal(new Set(ids).size, ids.length, `${path} has an id twice`);
      pages.set(path, { path, html, ids: new Set(ids) });
    }
  };
  await visit(folder);
  return pages;
}

/** References of a page that lead nowhere in the site. */
function brokenReferences(page: BuiltPage, site: ReadonlyMap<string, BuiltPage>): string[] {
  const references = page.html.matchAll(/ (?:href|src)="([^"]*)"/g);
  return Array.from(references, ([, reference]) => reference!.replaceAll("&amp;", "&"))
    .filter((reference) => {
      if (/^https?:/.test(reference)) return false;
      const [path = "", fragment] = reference.split("#");
      const target = path === "" ? page.path : resolve(dirname(page.path), path);
      const file = site.has(join(target, "index.html")) ? join(target, "index.html") : target;
      if (!existsSync(file)) return true;
      return fragment !== undefined && !site.get(file)?.ids.has(decodeURIComponent(fragment));
    });
}

Deno.test("buildSite() makes every page, and every reference in them leads somewhere", async () => {
  await using folder = await temporaryFolder();
  const { pages } = await buildSite({ root, folder: folder.path });
  const site = await readSite(folder.path);
  assert.ok(site.size >= pages && pages > 40); // folders that pages refer to are listed besides
  for (const page of site.values()) {
    const path = relative(folder.path, page.path);
    assert.deepEqual(brokenReferences(page, site), [], path);
    assert.match(page.html, /<h1 id=/, path);
    const loaded = page.html.matchAll(/<(?:script|link|img)[^>]*(?:src|href)="([^"]*)"/g);
    for (const [, url] of loaded) assert.doesNotMatch(url!, /^(?:https?:)?\/\//, path);
  }
});

Deno.test("buildSite() has commands, settings and subpaths from the code", async () => {
  await using folder = await temporaryFolder();
  await buildSite({ root, folder: folder.path });
  const read = (path: string) => Deno.readTextFile(join(folder.path, path));
  const [commands, settings, search] = await Promise.all(
    ["docs/cli.html", "docs/configuration.html", "search.js"].map(read),
  );
  for (const { name } of COMMANDS) assert.ok(commands!.includes(`<h2 id="${name}">`), name);
  for (const key of Object.keys(TRAIN_SETTINGS)) {
    assert.ok(settings!.includes(`<td><code>${key}</code></td>`), key);
  }
  for (const subpath of Object.keys(config.exports)) {
    const page = `docs/api/${subpath === "." ? "mod" : subpath.slice(2)}.html`;
    assert.match(await read(page), /<pre class="ts">/);
    assert.ok(search!.includes(`"${page}#`), page);
  }
});
