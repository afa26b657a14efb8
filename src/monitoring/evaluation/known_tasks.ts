/**
 * Tasks that are known by name. Their questions are put as lm-evaluation-harness puts them, so that numbers can be
 * compared; their rows are given as local files.
 *
 * @module
 */

import type { JsonObject } from "../../utils/json.ts";

const ACCURACY = [{ metric: "acc" }, { metric: "acc_norm" }];

const ARC: JsonObject = {
  output_type: "multiple_choice",
  dataset_path: "allenai/ai2_arc",
  training_split: "train",
  validation_split: "validation",
  test_split: "test",
  doc_to_text: "Question: {{question}}\nAnswer:",
  doc_to_target: "{{choices.label.index(answerKey)}}",
  doc_to_choice: "{{choices.text}}",
  metric_list: ACCURACY,
  metadata: { version: 1 },
};

/** Descriptions by name. */
export const KNOWN_TASKS: Readonly<Record<string, JsonObject>> = {
  arc_easy: { ...ARC, task: "arc_easy", dataset_name: "ARC-Easy" },
  arc_challenge: { ...ARC, task: "arc_challenge", dataset_name: "ARC-Challenge" },
  hellaswag: {
    task: "hellaswag",
    output_type: "multiple_choice",
    dataset_path: "Rowan/hellaswag",
    training_split: "train",
    validation_split: "validation",
    process_docs: "utils.process_docs",
    doc_to_text: "{{query}}",
    doc_to_target: "{{label}}",
    doc_to_choice: "choices",
    metric_list: ACCURACY,
    metadata: { version: 1 },
  },
  mmlu: {
    task: "mmlu",
    output_type: "multiple_choice",
    dataset_path: "cais/mmlu",
    test_split: "test",
    fewshot_split: "dev",
    fewshot_config: { sampler: "first_n" },
    doc_to_text:
      "{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:",
    doc_to_choice: ["A", "B", "C", "D"],
    doc_to_target: "answer",
    metric_list: [{ metric: "acc" }],
    metadata: { version: 1 },
  },
  gsm8k: {
    task: "gsm8k",
    output_type: "generate_until",
    dataset_path: "openai/gsm8k",
    dataset_name: "main",
    training_split: "train",
    fewshot_split: "train",
    test_split: "test",
    num_fewshot: 5,
    doc_to_text: "Question: {{question}}\nAnswer:",
    doc_to_target: "{{answer}}",
    generation_kwargs: {
      until: ["Question:", "</s>", "<|im_end|>"],
      do_sample: false,
      temperature: 0,
    },
    metric_list: [{
      metric: "exact_match",
      ignore_case: true,
      regexes_to_ignore: [",", "\\$", "(?s).*#### ", "\\.$"],
    }],
    filter_list: [
      {
        name: "strict-match",
        filter: [
          { function: "regex", regex_pattern: "#### (\\-?[0-9\\.\\,]+)" },
          { function: "take_first" },
        ],
      },
      {
        name: "flexible-extract",
        filter: [
          {
            function: "regex",
            group_select: -1,
            regex_pattern: "(-?[$0-9.,]{2,})|(-?[0-9]+)",
          },
          { function: "take_first" },
        ],
      },
    ],
    metadata: { version: 3 },
  },
};
