/**
 * The special tokens that a tokenizer puts around a text.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { asArray, asObject, parseStage, type Stage } from "./tokenizer_json.ts";

/** Ids to put around a text. */
export interface Frame {
  /** Before it. */
  readonly before: readonly number[];
  /** After it. */
  readonly after: readonly number[];
}

const EMPTY: Frame = { before: [], after: [] };

/** Reads the `post_processor` of a `tokenizer.json`, as far as it concerns a single text. */
export function parsePostProcessor(stage: Stage | undefined): Frame {
  if (stage === undefined) return EMPTY;
  switch (stage.type) {
    case "ByteLevel":
      return EMPTY;
    case "TemplateProcessing":
      return parseTemplate(stage);
    case "BertProcessing":
    case "RobertaProcessing":
      return { before: [pairedId(stage, "cls")], after: [pairedId(stage, "sep")] };
    case "Sequence":
      return asArray(stage.processors, '"post_processor.processors"')
        .map((inner, i) => parsePostProcessor(parseStage(inner, `"post_processor[${i}]"`)))
        .reduce((inside, outside) => ({
          before: [...outside.before, ...inside.before],
          after: [...inside.after, ...outside.after],
        }), EMPTY);
    default:
      throw new UserError(
        `Cannot read tokenizer.json: post-processor "${stage.type}" is not supported`,
      );
  }
}

function parseTemplate(stage: Stage): Frame {
  const specialTokens = asObject(stage.special_tokens, '"post_processor.special_tokens"');
  const before: number[] = [];
  const after: number[] = [];
  let side = before;
  asArray(stage.single, '"post_processor.single"').forEach((part, i) => {
    const what = `"post_processor.single[${i}]"`;
    const { SpecialToken: special, Sequence: sequence } = asObject(part, what);
    if (sequence !== undefined) {
      side = after;
      return;
    }
    const { id } = asObject(special, what);
    const { ids } = asObject(
      specialTokens[String(id)],
      `"post_processor.special_tokens.${id}"`,
    );
    side.push(...asArray(ids, `"post_processor.special_tokens.${id}.ids"`) as number[]);
  });
  return { before, after };
}

function pairedId(stage: Stage, key: "cls" | "sep"): number {
  const [, id] = asArray(stage[key], `"post_processor.${key}"`);
  if (typeof id !== "number") {
    throw new UserError(`Cannot read tokenizer.json: "post_processor.${key}" has no token id`);
  }
  return id;
}
