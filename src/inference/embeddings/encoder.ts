/**
 * Models that only read: a text in, hidden states or a vector out, by `@huggingface/transformers`.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SessionOptions } from "../../engine/runtime/session.ts";
import { messageOf, UserError } from "../../utils/errors.ts";
import { encoderPath, encoderPositions, findEncoderFile } from "./encoder_files.ts";
import { createPooler, type Pooling, unitVector } from "../generation/pooling.ts";
import {
  type ForeignModel,
  type ForeignTensor,
  type ForeignTokenizer,
  loadTransformersJs,
  MODEL_NAME,
  type ReadModelFile,
  type TransformersJs,
} from "./transformers_js.ts";

/** A model that only reads; disposing it frees it. */
export interface Encoder extends AsyncDisposable {
  /** Numbers in a vector. */
  readonly size: number;
  /** Extent of the vocabulary. */
  readonly vocabSize: number;
  /** The most tokens of a text. */
  readonly maxPositions: number;
  /** Returns the tokens of a text. */
  encode(text: string, options: { readonly addSpecialTokens: boolean }): readonly number[];
  /** Returns the text of tokens. */
  decode(ids: readonly number[]): string;
  /** Returns a vector of length 1; what else is embedded has no influence on it. */
  embed(ids: readonly number[]): Promise<Float32Array>;
}

/** Options of {@linkcode openEncoder}. */
export interface EncoderOptions extends SessionOptions {
  /** How hidden states become one vector; a model that makes one itself is not asked for more. */
  readonly pooling: Pooling;
}

/**
 * Opens the encoder in `folder`.
 *
 * @throws {UserError} If it cannot be opened; the message says why.
 */
export async function openEncoder(folder: string, options: EncoderOptions): Promise<Encoder> {
  const { pooling, ...session } = options;
  const file = findEncoderFile(folder);
  if (file === undefined) {
    throw new UserError(`Cannot load encoder "${folder}": it has no ONNX file, as onnx/model.onnx`);
  }
  try {
    const library = await loadTransformersJs({ session, readFile: reader(folder) });
    const tokenizer = await library.AutoTokenizer.from_pretrained(MODEL_NAME);
    const model = await library.AutoModel.from_pretrained(MODEL_NAME, {
      subfolder: file.subfolder,
      model_file_name: file.name,
      dtype: "fp32", // adds nothing to the file's name
      device: "auto",
    });
    const maxPositions = await encoderPositions(folder, model.config);
    const encoder = new OnnxEncoder(library, { model, tokenizer, pooling, maxPositions });
    await encoder.measure();
    return encoder;
  } catch (error) {
    const path = join(folder, encoderPath(file));
    if (error instanceof UserError && error.message.startsWith("Cannot")) throw error;
    throw new UserError(`Cannot load encoder "${path}": ${messageOf(error)}`, { cause: error });
  }
}

/** Files that the library wants and a folder need not have. */
const DEFAULTS: Readonly<Record<string, string>> = { "tokenizer_config.json": "{}" };

function reader(folder: string): ReadModelFile {
  return async (path) => {
    try {
      return new Uint8Array(await readFile(join(folder, path)));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
      const text = DEFAULTS[path];
      return text === undefined ? undefined : new TextEncoder().encode(text);
    }
  };
}

/** What an {@linkcode OnnxEncoder} is made of. */
interface Parts {
  readonly model: ForeignModel;
  readonly tokenizer: ForeignTokenizer;
  readonly pooling: Pooling;
  readonly maxPositions: number;
}

class OnnxEncoder implements Encoder {
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly #library: TransformersJs;
  readonly #parts: Parts;
  #size = 0;

  constructor(library: TransformersJs, parts: Parts) {
    this.#library = library;
    this.#parts = parts;
    this.maxPositions = parts.maxPositions;
    this.vocabSize = Number(parts.model.config["vocab_size"] ?? 0);
  }

  get size(): number {
    return this.#size;
  }

  /** Runs the model once, which shows how long its vectors are and warms it up. */
  async measure(): Promise<void> {
    this.#size = (await this.embed(this.encode("a", { addSpecialTokens: true }))).length;
  }

  encode(text: string, { addSpecialTokens }: { readonly addSpecialTokens: boolean }): number[] {
    return this.#parts.tokenizer.encode(text, { add_special_tokens: addSpecialTokens });
  }

  decode(ids: readonly number[]): string {
    return this.#parts.tokenizer.decode(ids, { skip_special_tokens: false });
  }

  async embed(ids: readonly number[]): Promise<Float32Array> {
    const { Tensor } = this.#library;
    const tensor = (values: BigInt64Array) => new Tensor("int64", values, [1, ids.length]);
    const outputs = await this.#parts.model({
      input_ids: tensor(BigInt64Array.from(ids, BigInt)),
      attention_mask: tensor(new BigInt64Array(ids.length).fill(1n)),
    });
    const vector = outputs["sentence_embedding"];
    if (vector !== undefined) return unitVector(floats(vector));
    const states = outputs["last_hidden_state"] ??
      Object.values(outputs).find(({ dims }) => dims.length === 3);
    if (states === undefined) {
      throw new UserError(
        `Cannot embed with this model: its outputs are ${
          Object.keys(outputs).join(", ")
        }, and none has hidden states`,
      );
    }
    const pooler = createPooler(this.#parts.pooling, states.dims.at(-1)!);
    pooler.add(floats(states));
    return pooler.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.model.dispose();
  }
}

function floats({ data }: ForeignTensor): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>);
}
