/**
 * What the search looks through: the sections of all pages, as text.
 *
 * @module
 */

import { sitePath } from "./pages.ts";
import type { RenderedPage } from "./render.ts";

/** The most text of a section that is looked through. */
const MAX_CHARACTERS = 12_000;

/** Returns a script that gives the index: a script is loaded from a file too, other data are not. */
export function searchIndex(pages: readonly RenderedPage[]): string {
  const entries = pages.flatMap(({ path, title, html }) =>
    sections(html).map(({ id, heading, text }) => [
      `${sitePath(path)}${id === "" ? "" : `#${id}`}`,
      title,
      heading,
      text,
    ])
  );
  return `globalThis.searchIndex = ${JSON.stringify(entries)};\n`;
}

function sections(
  html: string,
): readonly { readonly id: string; readonly heading: string; readonly text: string }[] {
  const [before = "", ...others] = html.split(/(?=<h[1-6] id=")/);
  const all = before.trim() === "" ? others : [before, ...others];
  return all.map((part) => {
    const [, id = "", heading = ""] = /^<h\d id="([^"]*)">(.*?)<a class="anchor"/s.exec(part) ?? [];
    return {
      id,
      heading: textOf(heading),
      text: textOf(part.replace(/^<h\d.*?<\/h\d>/s, "")).slice(0, MAX_CHARACTERS),
    };
  });
}

function textOf(html: string): string {
  return html.replaceAll(/<[^>]+>/g, " ").replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&")
    .replaceAll(/\s+/g, " ").trim();
}
