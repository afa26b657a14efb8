/**
 * The pages of `docs/api/`, and the program that each of them shows.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };

/** A page. */
export interface LibraryPage {
  /** What is imported: the package's name, with a subpath. */
  readonly specifier: string;
  /** Path of the page from the project's root. */
  readonly path: string;
  /** Its program. */
  readonly program: string;
  /** What the page says that it prints; `undefined` if that differs from time to time. */
  readonly output: string | undefined;
}

/** Where the page of a subpath of the package lies. */
export function pagePath(subpath: string): string {
  return `docs/api/${subpath === "." ? "mod" : subpath.slice(2)}.md`;
}

/** Reads the page of every subpath of the package. */
export async function readLibraryPages(): Promise<LibraryPage[]> {
  return await Promise.all(
    Object.keys(config.exports).map(async (subpath) => {
      const path = pagePath(subpath);
      const text = await Deno.readTextFile(
        fileURLToPath(new URL(`../../${path}`, import.meta.url)),
      );
      return {
        specifier: `${config.name}${subpath.slice(1)}`,
        path,
        program: /^```ts\n([^]*?)^```$/m.exec(text)?.[1] ?? "",
        output: /^```text\n([^]*?)^```$/m.exec(text)?.[1],
      };
    }),
  );
}
