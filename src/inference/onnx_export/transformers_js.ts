/**
 * What transformers.js wants in the files beside a model.
 *
 * @module
 */

import {
  DEFAULT_TEMPLATE,
  readChatTemplates,
} from "../../models/tokenizer/chat_template_source.ts";
import type { Tokenizer } from "../../models/tokenizer/tokenizer.ts";
import type { JsonObject } from "../../utils/json.ts";
import { ONNX_VARIANTS, type OnnxType } from "./weight_types.ts";

/** The key of `config.json` that only transformers.js reads. */
const CONFIG_KEY = "transformers.js_config";

/** Options of {@linkcode transformersJsConfig}. */
export interface TransformersJsConfigOptions {
  /** The `config.json` of an earlier export into the same folder, perhaps of another type. */
  readonly earlier: JsonObject | undefined;
  /** Type of the weights. */
  readonly type: OnnxType;
  /** Number of files beside the model that hold its weights. */
  readonly dataFiles: number;
}

/** Returns `config` with what transformers.js has to know of a variant. */
export function transformersJsConfig(
  config: JsonObject,
  { earlier, type, dataFiles }: TransformersJsConfigOptions,
): JsonObject {
  const { dtype, file } = ONNX_VARIANTS[type];
  const before = objectAt(earlier, CONFIG_KEY);
  const { [file]: _replaced, ...otherFiles } = objectAt(before, "use_external_data_format");
  const external = dataFiles > 0 ? { ...otherFiles, [file]: dataFiles } : otherFiles;
  const halfVariants = Object.values(ONNX_VARIANTS).filter(({ cacheDtype }) =>
    cacheDtype === "float16"
  );
  return {
    ...config,
    [CONFIG_KEY]: {
      dtype,
      kv_cache_dtype: Object.fromEntries(
        halfVariants.map((variant) => [variant.dtype, variant.cacheDtype]),
      ),
      ...(Object.keys(external).length > 0 ? { use_external_data_format: external } : {}),
    },
  };
}

/**
 * Returns a tokenizer's files as transformers.js reads them: it wants a `tokenizer_config.json`, and looks for the chat
 * template only there.
 */
export function transformersJsTokenizer(
  tokenizer: Tokenizer | undefined,
): ReadonlyMap<string, Uint8Array> {
  if (tokenizer === undefined) return new Map();
  const read = (name: string): string | undefined => {
    const bytes = tokenizer.files.get(name);
    return bytes && new TextDecoder().decode(bytes);
  };
  const config: JsonObject = JSON.parse(read(TOKENIZER_CONFIG) ?? DEFAULT_TOKENIZER_CONFIG);
  const templates = readChatTemplates(config, read("chat_template.jinja"));
  const [only] = templates.values();
  const template = templates.size === 1 && templates.has(DEFAULT_TEMPLATE)
    ? only
    : Array.from(templates, ([name, template]) => ({ name, template }));
  const complete = templates.size === 0 ? config : { ...config, chat_template: template };
  const bytes = new TextEncoder().encode(`${JSON.stringify(complete, null, 2)}\n`);
  return new Map([...tokenizer.files, [TOKENIZER_CONFIG, bytes]]);
}

const TOKENIZER_CONFIG = "tokenizer_config.json";

const DEFAULT_TOKENIZER_CONFIG = '{ "tokenizer_class": "PreTrainedTokenizerFast" }';

function objectAt(json: JsonObject | undefined, key: string): JsonObject {
  const value = json?.[key];
  return typeof value === "object" && value !== null ? value as JsonObject : {};
}
