/**
 * Descriptions of tasks and rows for tests.
 *
 * @module
 */

/** Rows of multiple choice. */
export const CHOICE_ROWS: readonly {
  readonly question: string;
  readonly choices: readonly string[];
  readonly answer: number;
}[] = [
  { question: "Who says meow?", choices: ["a cat", "a very big old dog", "the sun"], answer: 0 },
  { question: "Tom was sad because", choices: ["he was happy", "his toy broke"], answer: 1 },
  { question: "Once upon a", choices: ["time", "dog", "blue", "running"], answer: 0 },
  { question: "Lily went to the", choices: ["park with her mom", "of", "is"], answer: 0 },
  { question: "What is 2 + 2?", choices: ["3", "4", "22", "a lot"], answer: 1 },
  { question: "“Café”: naïve or 日本?", choices: ["naïve", "日本"], answer: 1 },
];

/** Rows that are answered with a number. */
export const NUMBER_ROWS: readonly { readonly question: string; readonly answer: string }[] = [
  { question: "Tom has 2 apples and gets 3. How many?", answer: "2 + 3 = 5\n#### 5" },
  { question: "Lily had $1,000. She lost 10. What is left?", answer: "1000 - 10 = 990\n#### 990" },
  { question: "Once upon a time there were 3 bears. How many bears?", answer: "#### 3" },
  { question: "A cat has 4 legs. Two cats?", answer: "2 * 4 = 8\n#### 8" },
  { question: "There are 7 days. How many days?", answer: "#### 7" },
];

/** Writes rows as JSON Lines. */
export function jsonLines(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

/** A description of multiple choice whose rows are in `items.jsonl` beside it. */
export function choiceDescription(folder: string): string {
  return `task: tiny_choices
dataset_path: json
dataset_kwargs:
  data_files:
    train: ${folder}/items.jsonl
    test: ${folder}/items.jsonl
test_split: test
fewshot_split: train
num_fewshot: 2
output_type: multiple_choice
description: "Choose well.\\n\\n"
doc_to_text: "Question: {{question.strip()}}\\nAnswer:"
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list:
  - metric: acc
  - metric: acc_norm
`;
}

/** A description of texts with filters whose rows are in `items.jsonl` beside it. */
export function numberDescription(folder: string): string {
  return `task: tiny_numbers
dataset_path: json
dataset_kwargs:
  data_files:
    test: ${folder}/items.jsonl
test_split: test
fewshot_split: test
num_fewshot: 1
fewshot_config:
  sampler: first_n
output_type: generate_until
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_target: "{{answer}}"
generation_kwargs:
  until: ["Question:", "!"]
  do_sample: false
  max_gen_toks: 24
metric_list:
  - metric: exact_match
    ignore_case: true
    regexes_to_ignore: [",", "\\\\$", "(?s).*#### ", "\\\\.$"]
filter_list:
  - name: strict-match
    filter:
      - function: regex
        regex_pattern: "#### (\\\\-?[0-9\\\\.\\\\,]+)"
      - function: take_first
  - name: flexible-extract
    filter:
      - function: regex
        group_select: -1
        regex_pattern: "(-?[$0-9.,]{2,})|(-?[0-9]+)"
      - function: take_first
`;
}
