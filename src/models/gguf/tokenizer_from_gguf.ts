/**
 * The tokenizer that a GGUF file holds, as the files of a Hugging Face folder.
 *
 * @module
 */

import { openGguf } from "../../engine/tensor/gguf/gguf_file.ts";
import type { JsonObject } from "../../utils/json.ts";
import { GgufKeys } from "./keys.ts";
import { findPreTokenizer, GGUF_PRE_TOKENIZERS } from "./pre_tokenizers.ts";
import { endTokenIds, TOKENS_KEY } from "./special_ids.ts";
import { mergesOfScores } from "./spm_merges.ts";
import { TOKEN_TYPES } from "./token_types.ts";

/** A tokenizer read from a GGUF file. */
export interface GgufTokenizer {
  /** `tokenizer.json` and `tokenizer_config.json`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Ids that end a text or a turn. */
  readonly eosTokenIds: readonly number[];
}

/** The stages of a `tokenizer.json` besides its added tokens, and whether texts get a beginning. */
interface Stages {
  readonly normalizer: JsonObject | null;
  readonly pre_tokenizer: JsonObject | null;
  readonly decoder: JsonObject;
  readonly model: JsonObject;
  readonly addBos: boolean;
}

/** What the stages are made from. */
interface Vocabulary {
  readonly keys: GgufKeys;
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  readonly vocab: Readonly<Record<string, number>>;
}

/** How each kind of tokenizer that files may have is written. */
const KINDS: Readonly<Record<string, (vocabulary: Vocabulary) => Stages>> = {
  gpt2: byteLevelStages,
  llama: sentencePieceStages,
};

/** The special tokens of `tokenizer_config.json`, by the names that files have for them. */
const SPECIAL_TOKENS: Readonly<Record<string, string>> = {
  bos: "bos_token",
  eos: "eos_token",
  unknown: "unk_token",
  padding: "pad_token",
  mask: "mask_token",
};

/**
 * Reads the tokenizer of the file at `path`; `undefined` if it has none.
 *
 * @throws {UserError} If the file is broken, or its tokenizer is of a kind that is not supported.
 */
export async function readGgufTokenizer(path: string): Promise<GgufTokenizer | undefined> {
  using file = await openGguf(path);
  const keys = new GgufKeys(file.metadata, path);
  const kind = keys.text("tokenizer.ggml.model", "none");
  if (kind === "none" || kind === "no_vocab") return undefined;
  return { files: tokenizerFiles(readVocabulary(keys), kind), eosTokenIds: endTokenIds(file) };
}

function readVocabulary(keys: GgufKeys): Vocabulary {
  const tokens = keys.texts(TOKENS_KEY) ?? keys.fail(TOKENS_KEY, "is missing");
  const typesKey = "tokenizer.ggml.token_type";
  const types = keys.numbers(typesKey) ?? tokens.map(() => TOKEN_TYPES.normal);
  if (types.length < tokens.length) keys.fail(typesKey, `must have ${tokens.length} items`);
  const vocab: Record<string, number> = {};
  tokens.forEach((token, id) => {
    if (token === "" || isPadding(token, types[id]!)) return;
    if (Object.hasOwn(vocab, token)) keys.fail(TOKENS_KEY, `has "${token}" twice`);
    vocab[token] = id;
  });
  return { keys, tokens, types, vocab };
}

/** Whether a token only fills the rows of the embeddings. */
function isPadding(token: string, type: number): boolean {
  return type === TOKEN_TYPES.unused && /^\[PAD\d+\]$/.test(token);
}

function tokenizerFiles(
  vocabulary: Vocabulary,
  kind: string,
): ReadonlyMap<string, Uint8Array> {
  const { keys, tokens, types, vocab } = vocabulary;
  const stagesOf = (Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined) ?? keys.fail(
    "tokenizer.ggml.model",
    `is "${kind}"; supported are ${Object.keys(KINDS).join(", ")}`,
  );
  const { addBos, ...stages } = stagesOf(vocabulary);
  const addedTokens = tokens.flatMap((content, id) => {
    const isControl = types[id] === TOKEN_TYPES.control || types[id] === TOKEN_TYPES.unknown;
    if (!isControl && types[id] !== TOKEN_TYPES.userDefined || vocab[content] !== id) return [];
    return [{
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: isControl,
    }];
  });
  const special: Record<string, string> = {};
  for (const [name, key] of Object.entries(SPECIAL_TOKENS)) {
    const id = keys.integer(`tokenizer.ggml.${name}_token_id`, undefined);
    if (id !== undefined && id < tokens.length) special[key] = tokens[id]!;
  }
  const ends = {
    bos: keys.boolean("tokenizer.ggml.add_bos_token", addBos) ? special.bos_token : undefined,
    eos: keys.boolean("tokenizer.ggml.add_eos_token", false) ? special.eos_token : undefined,
  };
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...special,
    add_bos_token: ends.bos !== undefined,
    add_eos_token: ends.eos !== undefined,
    clean_up_tokenization_spaces: false,
    chat_template: keys.text("tokenizer.chat_template", undefined),
  };
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: stages.normalizer,
    pre_tokenizer: stages.pre_tokenizer,
    post_processor: postProcessor(ends, vocab),
    decoder: stages.decoder,
    model: stages.model,
  };
  const encoder = new TextEncoder();
  return new Map([
    ["tokenizer.json", encoder.encode(JSON.stringify(tokenizer))],
    ["tokenizer_config.json", encoder.encode(`${JSON.stringify(config, null, 2)}\n`)],
  ]);
}

function postProcessor(
  { bos, eos }: { readonly bos: string | undefined; readonly eos: string | undefined },
  vocab: Readonly<Record<string, number>>,
): JsonObject | null {
  if (bos === undefined && eos === undefined) return null;
  const special = (token: string | undefined) =>
    token === undefined ? [] : [{ SpecialToken: { id: token, type_id: 0 } }];
  const text = (id: "A" | "B") => [{ Sequence: { id, type_id: 0 } }];
  const around = (id: "A" | "B") => [...special(bos), ...text(id), ...special(eos)];
  const tokens = [bos, eos].filter((token) => token !== undefined);
  return {
    type: "TemplateProcessing",
    single: around("A"),
    pair: [...around("A"), ...around("B")],
    special_tokens: Object.fromEntries(
      tokens.map((token) => [token, { id: token, ids: [vocab[token]], tokens: [token] }]),
    ),
  };
}

function byteLevelStages({ keys, vocab }: Vocabulary): Stages {
  const preKey = "tokenizer.ggml.pre";
  const name = keys.text(preKey, "default");
  const pre = findPreTokenizer(name) ?? keys.fail(
    preKey,
    `is "${name}"; supported are ${GGUF_PRE_TOKENIZERS.flatMap(({ names }) => names).join(", ")}`,
  );
  const mergesKey = "tokenizer.ggml.merges";
  return {
    normalizer: pre.normalizer,
    pre_tokenizer: pre.stage,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges,
      vocab,
      merges: keys.texts(mergesKey) ?? keys.fail(mergesKey, "is missing"),
    },
    addBos: pre.addBos,
  };
}

function sentencePieceStages({ keys, tokens, types, vocab }: Vocabulary): Stages {
  const scoresKey = "tokenizer.ggml.scores";
  const scores = keys.numbers(scoresKey) ?? keys.fail(scoresKey, "is missing");
  if (scores.length < tokens.length) keys.fail(scoresKey, `must have ${tokens.length} items`);
  const unknown = keys.integer("tokenizer.ggml.unknown_token_id", 0);
  const prefix = keys.boolean("tokenizer.ggml.add_space_prefix", true);
  const spaces = { type: "Replace", pattern: { String: " " }, content: "▁" };
  return {
    normalizer: prefix
      ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, spaces] }
      : spaces,
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: tokens[unknown] ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab,
      merges: mergesOfScores({ tokens, scores, types }),
    },
    addBos: true,
  };
}
