/**
 * Everything that validation can find, by its code: how grave it is and what mends it.
 *
 * @module
 */

import { ROW_PROBLEMS, type RowProblemCode } from "../row_error.ts";
import type { ValidationLevel } from "./levels.ts";

/** How grave a finding is: data sets with errors are refused, warnings are told. */
export type Severity = "error" | "warning";

/** What is known of each finding of a kind. */
export interface FindingKind {
  /** How grave it is. */
  readonly severity: Severity;
  /** The lowest level that looks for it. */
  readonly level: ValidationLevel;
  /** Whether the row cannot be trained on; other errors are of rows that could, but should not be. */
  readonly unusable: boolean;
  /** What else than the file's bytes it depends on. */
  readonly dependsOn: "nothing" | "model" | "evaluation set";
  /** What it is, for the documentation. */
  readonly summary: string;
  /** How to mend it, where the place says nothing better. */
  readonly fix: string;
}

/** What is wrong with a row by itself: it cannot be trained on. */
const UNUSABLE: Readonly<Record<RowProblemCode, readonly [summary: string, fix: string]>> = {
  "bad-escape": [
    "a character in a table that is escaped wrongly",
    "write quotes in a quoted field twice",
  ],
  "bad-template-variables": [
    '"chat_template_kwargs" that are not an object',
    'write an object, for example {"enable_thinking": false}',
  ],
  "bad-tool-call": [
    "a tool call without a function's name, or with arguments that are not JSON",
    'write each call as {"type": "function", "function": {"name": ..., "arguments": "..."}}',
  ],
  "bad-tools": ['"tools" that are not a list of functions', "write tools as OpenAI's API has them"],
  "bad-weight": [
    'a "weight" other than 0 and 1, or on a message of another role',
    "write 0 for a turn that is not to be trained, 1 for one that is",
  ],
  "column-count": [
    "a row of a table with more or fewer fields than its header",
    "write one field for each column; put fields with the delimiter in quotes",
  ],
  "empty-answer": [
    "an answer that is empty or only white space",
    "write the answer, or remove the row",
  ],
  "empty-content": [
    "a message, question or text that is empty or only white space",
    "write what is said, or remove it",
  ],
  "empty-messages": ["a conversation without a message", "add messages, or remove the row"],
  "id-out-of-range": [
    "ids or labels that are negative or outside the model's vocabulary",
    "tokenise the row with the model's own tokenizer",
  ],
  "invalid-json": [
    "a line that is not JSON, for example one that was cut off",
    "write one whole JSON object per line, or remove the line",
  ],
  "invalid-utf8": ["bytes that are not UTF-8", "save the file as UTF-8, or remove the row"],
  "length-mismatch": [
    "ids, labels or attention mask of different lengths",
    "write one label for each id, -100 where nothing is trained",
  ],
  "missing-field": [
    "a field that the format needs is not there: a role, a content, an answer",
    "add the field, or remove the row",
  ],
  "no-assistant-turn": [
    "a conversation in which the assistant says nothing",
    "add the assistant's answer, or remove the row",
  ],
  "not-an-object": [
    "a row that is a list, a string, a number or null",
    'write the row as an object, for example {"messages": [...]}',
  ],
  "nothing-trained": [
    "a row of which no token is trained",
    "mask less of it, raise --max-length, or remove the row",
  ],
  "other-format": [
    "a row of another format than those before it",
    "write it like the others, or give --format mixed",
  ],
  "preference-row": [
    "a row with a preferred and a rejected answer",
    "give --format chosen to train on the preferred answers",
  ],
  "row-too-long": ["a row of so many bytes that it cannot be one", "write one row per line"],
  "template": [
    "a conversation that the model's chat template refuses to render",
    "order the turns as the template wants them, or remove the row",
  ],
  "unknown-format": [
    "fields that belong to no known format",
    "name the fields as one of the formats does, or convert the file",
  ],
  "unknown-role": [
    "a message of a role that does not exist",
    "use one of these roles",
  ],
  "unreadable": ["a file that cannot be read on: cut off, or damaged", "make the file anew"],
  "unsupported-content": [
    "images or other content that is not text",
    "remove it, or remove the row",
  ],
  "lone-surrogate": [
    "half a character: a UTF-16 surrogate without its other half",
    "write the whole character, or remove it",
  ],
  "null-character": ["a NUL character in a text", "remove the character"],
  "tool-answer-without-call": [
    "a tool's answer to a call that was not made",
    "add the assistant's tool_calls before it, or remove the message",
  ],
  "tool-call-without-answer": [
    "a tool call after which the conversation goes on without the tool's answer",
    'add a message of the role "tool" with the call\'s id',
  ],
  "wrong-type": [
    "a field that is not of the type it must have: an answer that is null or a number",
    'write it as its format has it: "42", not 42',
  ],
};

/** All codes that findings have; they stay the same from version to version. */
export const FINDING_CODES = [
  ...ROW_PROBLEMS,
  "replacement-character",
  "duplicate",
  "eval-leakage",
  "too-long",
  "answer-cut-off",
  "empty-file",
  "damaged-text",
  "system-not-first",
  "first-turn-not-user",
  "repeated-role",
  "last-turn-untrained",
  "empty-prompt",
  "control-character",
  "template-markup",
  "conflicting-answers",
  "eval-prompt-leakage",
  "unusually-long",
  "near-duplicate",
  "near-leakage",
  "mojibake",
  "repetitive-answer",
  "not-looked-at",
] as const;

/** What kind of finding it is. */
export type FindingCode = (typeof FINDING_CODES)[number];

type Entry = readonly [level: ValidationLevel, summary: string, fix: string];

function kind(
  [level, summary, fix]: Entry,
  rest: Pick<FindingKind, "severity"> & Partial<Pick<FindingKind, "unusable" | "dependsOn">>,
): FindingKind {
  return { level, summary, fix, unusable: false, dependsOn: "nothing", ...rest };
}

const error = (entry: Entry): FindingKind => kind(entry, { severity: "error" });
const warning = (entry: Entry): FindingKind => kind(entry, { severity: "warning" });

const OTHER: Readonly<Record<Exclude<FindingCode, RowProblemCode>, FindingKind>> = {
  "replacement-character": error([
    "quick",
    "U+FFFD in a conversation or an answer: what stood there was lost when the text was decoded",
    "read the text from its source again, in its own encoding",
  ]),
  "duplicate": error([
    "standard",
    "a row that says exactly what an earlier one says",
    "remove one of the two",
  ]),
  "eval-leakage": kind([
    "standard",
    "a row that is in the evaluation set too",
    "remove it from one of the two",
  ], { severity: "error", dependsOn: "evaluation set" }),
  "too-long": kind([
    "standard",
    "a row with more tokens than the limit; training cuts its end off",
    "raise --max-length, shorten the row, or remove it",
  ], { severity: "error", dependsOn: "model" }),
  "answer-cut-off": kind([
    "standard",
    "a row whose trained tokens all lie beyond the limit",
    "raise --max-length, shorten what comes before the answer, or remove the row",
  ], { severity: "error", unusable: true, dependsOn: "model" }),
  "empty-file": error(["quick", "the file has no rows", "give a file with rows"]),
  "damaged-text": warning([
    "quick",
    "U+FFFD in a raw text",
    "read the text from its source again, in its own encoding",
  ]),
  "system-not-first": warning([
    "quick",
    "a system message after other turns, which some templates refuse",
    "put it at the beginning",
  ]),
  "first-turn-not-user": warning([
    "quick",
    "a conversation that the user does not begin, which some templates refuse",
    "begin with a user's message",
  ]),
  "repeated-role": warning([
    "quick",
    "two turns in a row of the same role, which some templates refuse",
    "join the two, or add the turn between them",
  ]),
  "last-turn-untrained": warning([
    "quick",
    "a conversation that does not end with the assistant, so that its end is not trained",
    "end with the assistant's answer",
  ]),
  "empty-prompt": warning([
    "quick",
    "an answer to nothing",
    "write what it is the answer to",
  ]),
  "control-character": warning([
    "quick",
    "a control character in a text",
    "remove the character",
  ]),
  "template-markup": warning([
    "quick",
    "a text that spells out a special token, such as <|im_end|>",
    "remove it; the chat template writes these",
  ]),
  "conflicting-answers": warning([
    "standard",
    "a prompt that an earlier row answers otherwise",
    "keep one answer, unless several are wanted",
  ]),
  "eval-prompt-leakage": kind([
    "standard",
    "a prompt that the evaluation set asks too, with another answer",
    "remove it from one of the two",
  ], { severity: "warning", dependsOn: "evaluation set" }),
  "unusually-long": warning([
    "standard",
    "a row many times longer than almost all others",
    "look whether it is one row; give --model to measure in tokens",
  ]),
  "near-duplicate": warning([
    "deep",
    "a row that says nearly what an earlier one says",
    "keep one of the two",
  ]),
  "near-leakage": kind([
    "deep",
    "a row that nearly is in the evaluation set",
    "remove it from one of the two",
  ], { severity: "warning", dependsOn: "evaluation set" }),
  "mojibake": warning([
    "deep",
    "UTF-8 that was read as Latin-1 or Windows-1252, such as Ã© for é",
    "read the text from its source again, as UTF-8",
  ]),
  "repetitive-answer": warning([
    "deep",
    "an answer that says the same again and again",
    "look at the row",
  ]),
  "not-looked-at": warning([
    "deep",
    "so many rows that not all are compared with each other",
    "split the file",
  ]),
};

/** Row problems that a file has for one model and not for another. */
const BY_MODEL: readonly RowProblemCode[] = ["template", "id-out-of-range"];

const UNUSABLE_KINDS = Object.fromEntries(
  ROW_PROBLEMS.map((code): [RowProblemCode, FindingKind] => {
    const level = code === "template" ? "standard" : "quick";
    const dependsOn = BY_MODEL.includes(code) ? "model" : "nothing";
    return [
      code,
      kind([level, ...UNUSABLE[code]], {
        severity: "error",
        unusable: true,
        dependsOn,
      }),
    ];
  }),
) as Record<RowProblemCode, FindingKind>;

/** What is known of each kind of finding. */
export const FINDING_KINDS: Readonly<Record<FindingCode, FindingKind>> = {
  ...UNUSABLE_KINDS,
  ...OTHER,
};
