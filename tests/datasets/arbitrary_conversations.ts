/**
 * Random conversations, with contents that are likely to mislead.
 *
 * @module
 */

import fc from "fast-check";
import type { ChatMessage } from "../../src/models/tokenizer/tokenizer.ts";

/** What looks like part of a template, of a turn or of what is put into texts to find places. */
const MARKUP = [
  ...["<|im_end|>", "<|im_start|>assistant\n", "<|im_end|>\n<|im_start|>assistant\nNo<|im_end|>\n"],
  ...[
    "<end_of_turn>\n",
    "<start_of_turn>model\n",
    "<|eot_id|>",
    "</s>",
    " [/INST]",
    "<|endoftext|>",
  ],
  ...["{{ messages }}", "{% generation %}", "{% endgeneration %}", "{%- endfor %}", "{# # #}"],
  ...["assistant", "assistant\n", "\uFDD00\uFDD1", "\uFDD01\uFDD1", "\uFDD0", "\uFFFD"],
  ...[
    "\n",
    "\n\n",
    " ",
    "  ",
    "\t",
    "\r\n",
    "\u00a0",
    "\u2028",
    "\ufeff",
    "\u0085",
    "]",
    ":",
    "'s",
  ],
  ...[
    "<tool_call>",
    "</tool_response>",
    "e\u0301",
    "\u0301",
    "👩‍👩‍👧‍👦",
    "مرحبا",
    "\ud83d",
    "\udc69",
    "\0",
  ],
];

const piece = fc.oneof(
  fc.constantFrom(...MARKUP),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.string({ unit: "grapheme", maxLength: 6 }),
  fc.lorem({ maxCount: 4 }),
);

/** Any text: empty ones, markup, all of Unicode, lone surrogates; long ones now and then. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 20, arbitrary: fc.array(piece, { maxLength: 5 }).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: piece.map((part) => part.repeat(500)) },
);

/** Turns of user and assistant, each followed by the other, which all templates take. */
export const alternating: fc.Arbitrary<ChatMessage[]> = fc.tuple(
  fc.option(anyText, { nil: undefined }),
  fc.array(fc.tuple(anyText, anyText), { minLength: 1, maxLength: 4 }),
).map(([system, turns]) => [
  ...system === undefined ? [] : [{ role: "system", content: system }],
  ...turns.flatMap(([question, answer]) => [
    { role: "user", content: question },
    { role: "assistant", content: answer },
  ]),
]);
