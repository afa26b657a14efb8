/**
 * What a decoder in an ONNX file reads and returns, by the names that transformers.js and Optimum know.
 *
 * @module
 */

/** Ids of the tokens to read, int64 [batch_size, sequence_length]. */
export const INPUT_IDS = "input_ids";

/** 1 for each token, earlier ones included, 0 for padding: int64 [batch_size, past_sequence_length+sequence_length]. */
export const ATTENTION_MASK = "attention_mask";

/** Position of each token to read, int64 [batch_size, sequence_length]. */
export const POSITION_IDS = "position_ids";

/** Logits of the next token, float32 [batch_size, sequence_length, vocabSize]. */
export const LOGITS = "logits";

/** Dimensions known only at run time; transformers.js makes the first caches by these names. */
export const BATCH = "batch_size";
/** Tokens read now. */
export const SEQUENCE = "sequence_length";
/** Tokens read before. */
export const PAST = "past_sequence_length";
/** Tokens read before and now, as the engine names the sum. */
export const TOTAL: string = `${PAST}+${SEQUENCE}`;

/** Names of a layer's keys and values: `past_key_values` goes in, `present` comes out. */
export function cacheNames(
  layer: number,
  time: "past_key_values" | "present",
): { readonly key: string; readonly value: string } {
  return { key: `${time}.${layer}.key`, value: `${time}.${layer}.value` };
}
