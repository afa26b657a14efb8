/**
 * What surrounds the content of each page.
 *
 * @module
 */

import { posix } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { GROUPS, sitePath } from "./pages.ts";
import { escapeHtml, type RenderedPage } from "./render.ts";

/** Sections of a page are listed beside it from this number on. */
const MIN_SECTIONS = 3;

/** Returns the whole page, with the navigation over `pages`. */
export function pageHtml(page: RenderedPage, pages: readonly RenderedPage[]): string {
  const own = sitePath(page.path);
  const to = (path: string) => posix.relative(posix.dirname(own), path) || posix.basename(own);
  const top = to("index.html").replace(/index\.html$/, "");
  const title = page.path === "README.md" ? page.title : `${page.title} – llm-training`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="${top}site.css">
<script src="${top}site.js" data-top="${top}" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<button id="menu" type="button" aria-expanded="false" aria-controls="pages">Pages</button>
<a class="name" href="${to("index.html")}">llm-training <small>${config.version}</small></a>
<form id="search" role="search"><input type="search" placeholder="Search" aria-label="Search the documentation" autocomplete="off"><ol hidden></ol></form>
<button id="theme" type="button" aria-label="Change between dark and light">◐</button>
</header>
<div class="columns">
<nav id="pages" aria-label="Pages">
${navigation(page, pages, to)}
</nav>
<main id="content">
${page.html}
</main>
${sectionList(page)}
</div>
</body>
</html>
`;
}

/** Returns a page that lists what is in a folder of files. */
export function folderHtml(name: string, names: readonly string[]): string {
  const links = names.map((each) =>
    `<li><a href="${encodeURIComponent(each)}">${escapeHtml(each)}</a></li>`
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(name)} – llm-training</title>
</head>
<body>
<h1 id="top">${escapeHtml(name)}</h1>
<ul>
${links.join("\n")}
</ul>
</body>
</html>
`;
}

function navigation(
  page: RenderedPage,
  pages: readonly RenderedPage[],
  to: (path: string) => string,
): string {
  return GROUPS.map((group) => {
    const links = pages.filter((each) => each.group === group).map(({ path, title }) => {
      const current = path === page.path ? ' aria-current="page"' : "";
      return `<li><a href="${to(sitePath(path))}"${current}>${
        breakable(escapeHtml(shortTitle(title)))
      }</a></li>`;
    });
    return `<h2>${group}</h2>\n<ul>\n${links.join("\n")}\n</ul>`;
  }).join("\n");
}

/** Subpaths of the package are long, and differ in their ends. */
function shortTitle(title: string): string {
  return title.startsWith(`${config.name}/`) ? title.slice(config.name.length) : title;
}

/** Lets long names be broken where they are joined. */
function breakable(html: string): string {
  return html.replaceAll(/[\/_](?=\w)/g, "$&<wbr>");
}

function sectionList({ headings }: RenderedPage): string {
  const shown = headings.filter(({ depth }) => depth === 2 || depth === 3);
  if (shown.length < MIN_SECTIONS) return '<aside class="sections"></aside>';
  const links = shown.map(({ depth, id, text }) =>
    `<li class="depth-${depth}"><a href="#${id}">${escapeHtml(text)}</a></li>`
  );
  return `<aside class="sections" aria-label="On this page"><h2>On this page</h2>\n<ul>\n${
    links.join("\n")
  }\n</ul></aside>`;
}
