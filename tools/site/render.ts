/**
 * Pages as HTML: headings that can be referred to, and references that hold in the site.
 *
 * @module
 */

import { Marked, type Tokens } from "marked";
import { posix } from "node:path";
import { type Page, sitePath } from "./pages.ts";

/** A heading of a page. */
export interface Heading {
  /** 1 for the page's own. */
  readonly depth: number;
  /** Its text. */
  readonly text: string;
  /** What stands behind `#` in references. */
  readonly id: string;
}

/** A page as HTML. */
export interface RenderedPage extends Page {
  /** Its content. */
  readonly html: string;
  /** Its headings. */
  readonly headings: readonly Heading[];
  /** Files that it refers to, by their paths from the project's root. */
  readonly files: readonly string[];
}

/** Options of {@linkcode renderPage}. */
export interface RenderOptions {
  /** Paths of all pages. */
  readonly known: ReadonlySet<string>;
}

/** Renders a page. */
export function renderPage(page: Page, { known }: RenderOptions): RenderedPage {
  const headings: Heading[] = [];
  const files: string[] = [];
  const ids = new Map<string, number>();
  const marked = new Marked({ gfm: true });
  marked.use({
    renderer: {
      heading({ tokens, depth, text }: Tokens.Heading) {
        const id = uniqueId(text, ids);
        const html = this.parser.parseInline(tokens);
        headings.push({ depth, text: plainText(text), id });
        return `<h${depth} id="${id}">${html} <a class="anchor" href="#${id}" aria-label="link to this section">#</a></h${depth}>\n`;
      },
      link({ href, title, tokens }: Tokens.Link) {
        const { target, file } = located(href, { from: page.path, known });
        if (file !== undefined) files.push(file);
        const more = title ? ` title="${escapeHtml(title)}"` : "";
        return `<a href="${escapeHtml(target)}"${more}>${this.parser.parseInline(tokens)}</a>`;
      },
      // a table that is wider than the window scrolls by itself
      table(token: Tokens.Table) {
        const cells = (row: readonly Tokens.TableCell[], tag: string) =>
          row.map(({ tokens }) => `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`).join("");
        const head = token.header.every(({ text }) => text === "")
          ? ""
          : `<thead><tr>${cells(token.header, "th")}</tr></thead>`;
        const body = token.rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
        return `<div class="table"><table>${head}<tbody>\n${body}\n</tbody></table></div>\n`;
      },
      code({ text, lang = "" }: Tokens.Code) {
        const [language] = lang.split(" ");
        return `<pre class="${escapeHtml(language || "text")}"><code>${
          escapeHtml(text)
        }</code></pre>\n`;
      },
    },
  });
  const html = marked.parse(page.markdown, { async: false });
  return { ...page, html, headings, files };
}

/** Returns where a reference leads in the site, and the file to be copied there if it is no page. */
function located(
  href: string,
  { from, known }: { readonly from: string; readonly known: ReadonlySet<string> },
): { readonly target: string; readonly file?: string } {
  if (/^[a-z][a-z+.-]*:|^#/i.test(href)) return { target: href };
  const [path = "", fragment] = href.split("#");
  const meant = posix.normalize(posix.join(posix.dirname(from), path));
  const page = [meant.replace(/\/$/, ""), posix.join(meant, "README.md")]
    .find((each) => known.has(each));
  const place = page === undefined ? meant : sitePath(page);
  const target = posix.relative(posix.dirname(sitePath(from)), place);
  const whole = fragment === undefined ? target : `${target}#${fragment}`;
  return page === undefined ? { target: whole, file: meant } : { target: whole };
}

/** The id that GitHub gives to a heading, so that references hold in both places. */
function uniqueId(text: string, ids: Map<string, number>): string {
  const id = plainText(text).toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(
    /\s/g,
    "-",
  );
  const count = ids.get(id) ?? 0;
  ids.set(id, count + 1);
  return count === 0 ? id : `${id}-${count}`;
}

/** A heading's text without marks. */
function plainText(text: string): string {
  return text.replace(/\[([^\]]+)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, "");
}

/** Returns `text` as HTML shows it. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
