/**
 * Which of llama.cpp's ways to cut text into words a tokenizer has: found by what they do to a text that each of
 * them cuts otherwise.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { GGUF_PRE_TOKENIZERS } from "../gguf/pre_tokenizers.ts";
import { createPreTokenizer } from "../tokenizer/pre_tokenizer.ts";
import type { Stage, TokenizerJson } from "../tokenizer/tokenizer_json.ts";

/** Digits, contractions in both cases, white space of all kinds, signs, scripts and camel case. */
const PROBES: readonly string[] = [
  "I've HE'LL we'Ve don't 'tis rock'n'roll  3 33 333 3333 33333 1st x2y ٣٤٥ ½",
  "\n \n\n \n\n\n \t \t\t\n  a\n   b \r\n\r\nc  \u00a0 d\u3000e",
  "HelloWorld helloWORLD iPhone éÉ ǅ naïve co\u0301te Ὀδυσσεύς кот-КОТ कान្តែពិសេស 世界abc",
  "------======= ''''''````\"\"\"\"......!!!!!!?????? a/b//c /\n/ $5.00+3^2~|<=> _x_ (y)\n",
  '🚀 (normal) 😶‍🌫️ ✅ 🦙🦙 #tag @user: "quoted" …–—',
];

/**
 * Returns what llama.cpp calls the pre-tokenizer of `json`.
 *
 * @throws {UserError} If it has none that cuts alike.
 */
export function preTokenizerName(json: TokenizerJson): string {
  const words = cut(json.preTokenizer);
  const ignoreMerges = json.model.ignore_merges === true;
  const normalizer = json.normalizer?.type;
  const alike = GGUF_PRE_TOKENIZERS.filter((known) => cut(known.stage as Stage) === words);
  const merging = alike.filter((known) => known.ignoreMerges === ignoreMerges);
  const found = merging.find((known) => known.normalizer?.type === normalizer) ?? merging[0];
  if (found !== undefined) return found.names[0];
  throw new UserError(
    "Cannot export to GGUF: llama.cpp has no pre-tokenizer that cuts text as this tokenizer does; known are " +
      GGUF_PRE_TOKENIZERS.map(({ names }) => names[0]).join(", "),
  );
}

function cut(stage: Stage | undefined): string {
  const { split } = createPreTokenizer(stage);
  return JSON.stringify(PROBES.map((probe) => split(probe, true)));
}
