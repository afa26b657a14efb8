/**
 * The twelve forms in which the answer to a SYLLO puzzle may be asked for: each is written by a function and told to
 * the reader of the puzzle in a sentence.
 *
 * @module
 */

/** Names of the forms. */
export const SYLLO_SHAPES = [
  "solutions_list",
  "solutions_text",
  "solutions_sequence",
  "solutions_only",
  "solutions_table",
  "solutions_markdown",
  "solutions_map",
  "analysis_enriched",
  "inventory_vector",
  "solutions_by_letter",
  "array_bundle",
  "report_wrapper",
] as const;

/** Name of a form. */
export type SylloShape = (typeof SYLLO_SHAPES)[number];

/** What is needed of a puzzle to write its answer. */
export interface SylloAnswer {
  /** Syllables of each word, in the order of the clues. */
  readonly words: readonly (readonly string[])[];
  /** All tiles. */
  readonly tiles: readonly string[];
  /** Tiles that belong to no word. */
  readonly unused: readonly string[];
}

/** A form of answers. */
interface ShapeRule {
  /** What the puzzle says of it. */
  readonly instruction: string;
  /** Returns the answer as JSON data. */
  readonly write: (answer: SylloAnswer) => unknown;
}

const ALL_ONCE = "All syllable tiles accounted for exactly once.";

const upper = (syllables: readonly string[]): string => syllables.join("").toUpperCase();

const solutions = ({ words }: SylloAnswer) =>
  words.map((syllables, i) => ({ ans_num: i + 1, syllables, answer: upper(syllables) }));

const SOLUTIONS =
  "`solutions`, a list in the order of the clues of objects with `ans_num`, `syllables` and the `answer` in capital letters";

/** Every form. */
export const SHAPE_RULES: Readonly<Record<SylloShape, ShapeRule>> = {
  solutions_list: {
    instruction:
      "an object with the key `solutions_list`, a list of texts like `1. syl + lab → SYLLAB`",
    write: ({ words }) => ({
      solutions_list: words.map((each, i) => `${i + 1}. ${each.join(" + ")} → ${upper(each)}`),
    }),
  },
  solutions_text: {
    instruction:
      "an object with the keys `solutions_text`, a text like `1) syl + lab -> SYLLAB; 2) ...`, and " +
      `\`inventory_text\`, which is \`${ALL_ONCE}\``,
    write: ({ words }) => ({
      solutions_text: words.map((each, i) => `${i + 1}) ${each.join(" + ")} -> ${upper(each)}`)
        .join("; "),
      inventory_text: ALL_ONCE,
    }),
  },
  solutions_sequence: {
    instruction:
      "an object with the keys `sequence`, a list of objects with `index`, the `word` in capital letters and " +
      "`syllables`, and `unused_tiles`, a list",
    write: ({ words, unused }) => ({
      sequence: words.map((syllables, i) => ({ index: i + 1, word: upper(syllables), syllables })),
      unused_tiles: unused,
    }),
  },
  solutions_only: {
    instruction: `an object with the key ${SOLUTIONS}`,
    write: (answer) => ({ solutions: solutions(answer) }),
  },
  solutions_table: {
    instruction:
      "an object with the keys `solutions_table`, which has `headers` (`Syllables`, `Word`) and `rows` like " +
      '`["syl | lab", "SYLLAB"]`, and `tile_summary`, which is `All tiles accounted for.`',
    write: ({ words }) => ({
      solutions_table: {
        headers: ["Syllables", "Word"],
        rows: words.map((each) => [each.join(" | "), upper(each)]),
      },
      tile_summary: "All tiles accounted for.",
    }),
  },
  solutions_markdown: {
    instruction:
      "an object with the keys `solutions_markdown`, a Markdown table with the columns `Syllables` and `Word` and " +
      "rows like `| syl + lab | SYLLAB |`, and `inventory_markdown`, which is `Status: All tiles used.`",
    write: ({ words }) => ({
      solutions_markdown: [
        "| Syllables | Word |",
        "| --- | --- |",
        ...words.map((each) => `| ${each.join(" + ")} | ${upper(each)} |`),
      ].join("\n"),
      inventory_markdown: "Status: All tiles used.",
    }),
  },
  solutions_map: {
    instruction:
      "an object with the keys `solutions_map`, an object from the number of each clue to its `syllables` and " +
      `\`word\` in capital letters, and \`inventory_status\`, which is \`${ALL_ONCE}\``,
    write: ({ words }) => ({
      solutions_map: Object.fromEntries(
        words.map((syllables, i) => [String(i + 1), { syllables, word: upper(syllables) }]),
      ),
      inventory_status: ALL_ONCE,
    }),
  },
  analysis_enriched: {
    instruction:
      `an object with the keys ${SOLUTIONS}, and \`analysis\`, an object with \`total_syllables\` and ` +
      "`difficulty_rating`, which is `standard`",
    write: (answer) => ({
      solutions: solutions(answer),
      analysis: {
        total_syllables: answer.words.flat().length,
        difficulty_rating: "standard",
      },
    }),
  },
  inventory_vector: {
    instruction:
      "an object with the keys `inventory_vector`, a list of `[tile, used, there]` for each tile that is used, and " +
      "`answers`, an object from the number of each clue to the word in capital letters",
    write: ({ words, tiles }) => {
      const used = words.flat();
      const count = (list: readonly string[], tile: string) =>
        list.filter((each) => each === tile).length;
      return {
        inventory_vector: [...new Set(used)]
          .map((tile) => [tile, count(used, tile), count(tiles, tile)]),
        answers: Object.fromEntries(words.map((each, i) => [String(i + 1), upper(each)])),
      };
    },
  },
  solutions_by_letter: {
    instruction:
      "an object with the keys `letters`, a list of objects with the `word` in capital letters, its `first_letter` " +
      "and `syllables`, and `tile_totals`, the number of tiles used",
    write: ({ words }) => ({
      letters: words.map((syllables) => ({
        word: upper(syllables),
        first_letter: upper(syllables)[0],
        syllables,
      })),
      tile_totals: words.flat().length,
    }),
  },
  array_bundle: {
    instruction:
      "a list of two objects with `section` and `data`: the section `solutions`, whose data is a list in the order of " +
      "the clues of objects with `ans_num`, `syllables` and the `answer` in capital letters, and the section " +
      "`inventory`, whose data is an object with the `status`, which is `complete`",
    write: (answer) => [
      { section: "solutions", data: solutions(answer) },
      { section: "inventory", data: { status: "complete" } },
    ],
  },
  report_wrapper: {
    instruction:
      `an object with the key \`report\`, an object with the keys ${SOLUTIONS}, and \`summary\`, which is ` +
      "`All words solved.`",
    write: (answer) => ({
      report: { solutions: solutions(answer), summary: "All words solved." },
    }),
  },
};
