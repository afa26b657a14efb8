/**
 * The texts of a data set that a tokenizer learns from: all of them, or a part where they are very many.
 *
 * @module
 */

import type { FormatChoice } from "./formats.ts";
import type { Row } from "./row.ts";
import type { DataSource } from "./sources/data_file.ts";
import { describeSources } from "./sources/describe_sources.ts";
import { readRows } from "./sources/read_rows.ts";
import { usableRows } from "./validation/usable_rows.ts";

/** Options of {@linkcode sampleTexts}. */
export interface SampleTextsOptions {
  /** Characters that are kept at most. @default {50_000_000} */
  readonly maxCharacters?: number;
  /** The form of the rows. @default {found out of the first rows of each file} */
  readonly format?: FormatChoice | undefined;
  /** Whether rows that cannot be used are left out; else they are an error. @default {false} */
  readonly skipInvalidRows?: boolean | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns the texts of all rows; where these have more than so many characters, those of every second row, of every
 * fourth, and so on, from the first to the last.
 *
 * @throws {UserError} If a row cannot be used.
 */
export async function sampleTexts(
  sources: string | readonly DataSource[],
  { maxCharacters = 50_000_000, format, skipInvalidRows = false, signal }: SampleTextsOptions = {},
): Promise<string[]> {
  let kept: (readonly string[])[] = [];
  let characters = 0;
  let stride = 1;
  let number = 0;
  const files = await describeSources(sources, { format, signal });
  const onSkipped = skipInvalidRows ? () => {} : undefined;
  for await (const { row } of usableRows(readRows(files, { signal }), { onSkipped })) {
    if (number++ % stride !== 0) continue;
    const texts = textsOf(row);
    kept.push(texts);
    characters += lengthOf(texts);
    while (characters > maxCharacters && kept.length > 1) {
      kept = kept.filter((_, i) => i % 2 === 0);
      stride *= 2;
      characters = kept.reduce((sum, each) => sum + lengthOf(each), 0);
    }
  }
  return kept.flat();
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}

function textsOf(row: Row): readonly string[] {
  switch (row.kind) {
    case "tokens":
      return [];
    case "messages":
      return row.messages.map(({ content }) => content);
    case "completion":
      return [row.prompt, row.completion];
    case "text":
      return [row.text];
  }
}
