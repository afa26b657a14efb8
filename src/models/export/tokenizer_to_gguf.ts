/**
 * A tokenizer as the metadata of a GGUF file.
 *
 * @module
 */

import {
  ggufArray,
  ggufBool,
  type GgufMetadata,
  ggufString,
  ggufUint32,
  type GgufValue,
} from "../../engine/tensor/gguf/metadata.ts";
import { UserError } from "../../utils/errors.ts";
import { TOKENS_KEY } from "../gguf/special_ids.ts";
import { type Merge, mergesOfScores, scoresOfMerges } from "../gguf/spm_merges.ts";
import { TOKEN_TYPES } from "../gguf/token_types.ts";
import { parseSpecialTokens } from "../tokenizer/special_tokens.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import {
  type AddedToken,
  asArray,
  parseTokenizerJson,
  type Stage,
  type TokenizerJson,
} from "../tokenizer/tokenizer_json.ts";
import { preTokenizerName } from "./pre_tokenizer_name.ts";

/** Options of {@linkcode tokenizerToGguf}. */
export interface TokenizerToGgufOptions {
  /** Rows of the embeddings; ids without a token get one that is never made. */
  readonly vocabSize: number;
}

/** Metadata of a tokenizer, and what llama.cpp does otherwise. */
export interface TokenizerMetadata {
  /** The metadata. */
  readonly metadata: GgufMetadata;
  /** What llama.cpp does otherwise. */
  readonly warnings: readonly string[];
}

type Entry = readonly [key: string, value: GgufValue];

interface Source {
  readonly json: TokenizerJson;
  readonly tokenizer: Tokenizer;
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly merges: readonly Merge[];
  /** Spelling and kind of each id. */
  readonly tokens: readonly string[];
  readonly types: readonly number[];
}

/** Special tokens by the name that GGUF files have for them. */
const SPECIAL_IDS = {
  bos: "bos_token",
  eos: "eos_token",
  unknown: "unk_token",
  padding: "pad_token",
  mask: "mask_token",
} as const;

/**
 * Returns the metadata that stands for `tokenizer`.
 *
 * @throws {UserError} If llama.cpp has no such tokenizer.
 */
export function tokenizerToGguf(
  tokenizer: Tokenizer,
  { vocabSize }: TokenizerToGgufOptions,
): TokenizerMetadata {
  const read = (name: string): Readonly<Record<string, unknown>> => {
    const bytes = tokenizer.files.get(name);
    return bytes === undefined ? {} : JSON.parse(new TextDecoder().decode(bytes));
  };
  const json = parseTokenizerJson(read("tokenizer.json"));
  const isSentencePiece = json.model.byte_fallback === true;
  const source = readSource({ json, tokenizer, vocabSize, isSentencePiece });
  const { kind, entries, warnings } = isSentencePiece ? sentencePiece(source) : byteLevel(source);
  const special = parseSpecialTokens(
    read("tokenizer_config.json"),
    read("special_tokens_map.json"),
  );
  const idOf = (token: string | undefined): number | undefined =>
    token === undefined
      ? undefined
      : json.addedTokens.find(({ content }) => content === token)?.id ??
        source.vocabulary.get(token);
  const specialEntries = Object.entries(SPECIAL_IDS).flatMap(([name, key]): Entry[] => {
    const id = idOf(special[key]);
    return id === undefined ? [] : [[`tokenizer.ggml.${name}_token_id`, ggufUint32(id)]];
  });
  const turnEnd = tokenizer.eosTokenIds.find((id) => id !== idOf(special.eos_token));
  const all: Entry[] = [
    ["tokenizer.ggml.model", ggufString(kind)],
    ...entries,
    [TOKENS_KEY, ggufArray("string", source.tokens)],
    ["tokenizer.ggml.token_type", ggufArray("int32", source.types)],
    ...specialEntries,
    ...(turnEnd === undefined
      ? []
      : [["tokenizer.ggml.eot_token_id", ggufUint32(turnEnd)] as const]),
    ...frame(tokenizer, idOf(special.bos_token), idOf(special.eos_token)),
    ...(tokenizer.hasChatTemplate
      ? [["tokenizer.chat_template", ggufString(tokenizer.chatTemplate)] as const]
      : []),
  ];
  return { metadata: new Map(all), warnings };
}

function readSource(
  { json, tokenizer, vocabSize, isSentencePiece }: {
    readonly json: TokenizerJson;
    readonly tokenizer: Tokenizer;
    readonly vocabSize: number;
    readonly isSentencePiece: boolean;
  },
): Source {
  if (json.model.type !== "BPE") {
    throw new UserError(
      `Cannot export to GGUF: the tokenizer is of the kind ${json.model.type}; BPE is possible`,
    );
  }
  const vocabulary = new Map(Object.entries(json.model.vocab as Record<string, number>));
  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`);
  const types = new Array<number>(vocabSize).fill(TOKEN_TYPES.unused);
  const set = (id: number, token: string, type: number): void => {
    if (id >= vocabSize) {
      throw new UserError(
        `Cannot export to GGUF: token "${token}" has the id ${id}, but the model has ${vocabSize} ids`,
      );
    }
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, id] of vocabulary) {
    const isByte = isSentencePiece && /^<0x[0-9A-F]{2}>$/.test(token);
    set(id, token, isByte ? TOKEN_TYPES.byte : TOKEN_TYPES.normal);
  }
  for (const added of json.addedTokens) {
    const type = typeOfAdded(added);
    // llama.cpp looks for these in the text as it is, where spaces are spaces
    const isText = type === TOKEN_TYPES.userDefined;
    set(added.id, isText ? added.content.replaceAll("▁", " ") : added.content, type);
  }
  const spellings = new Set<string>();
  for (const token of tokens) {
    if (spellings.has(token)) {
      throw new UserError(`Cannot export to GGUF: two tokens would be spelled "${token}"`);
    }
    spellings.add(token);
  }
  const unknown = typeof json.model.unk_token === "string"
    ? vocabulary.get(json.model.unk_token)
    : undefined;
  if (isSentencePiece && unknown !== undefined) types[unknown] = TOKEN_TYPES.unknown;
  const merges = asArray(json.model.merges, '"model.merges"').map((merge): Merge => {
    const [left = "", right = ""] = typeof merge === "string"
      ? merge.split(" ", 2)
      : merge as string[];
    return [left, right];
  });
  return { json, tokenizer, vocabulary, merges, tokens, types };
}

/** As llama.cpp's converter: what looks like a special token is one, whatever the file says. */
function typeOfAdded({ content, special }: AddedToken): number {
  const looksSpecial = /^<\|.*\|>$|^<｜.*｜>$|^<unused.*>$|^<(?:pad|mask)>$/.test(content);
  return special || looksSpecial ? TOKEN_TYPES.control : TOKEN_TYPES.userDefined;
}

interface Kind {
  readonly kind: string;
  readonly entries: readonly Entry[];
  readonly warnings: readonly string[];
}

function byteLevel({ json, merges }: Source): Kind {
  if (!hasStage(json.preTokenizer, "ByteLevel")) {
    throw new UserError(
      "Cannot export to GGUF: the tokenizer neither spells bytes nor falls back to them",
    );
  }
  return {
    kind: "gpt2",
    entries: [
      ["tokenizer.ggml.pre", ggufString(preTokenizerName(json))],
      [
        "tokenizer.ggml.merges",
        ggufArray(
          "string",
          // a list of merges has one space in each line: those of tokens are spelled as their bytes
          merges.map((merge) => merge.map((part) => part.replaceAll(" ", "Ġ")).join(" ")),
        ),
      ],
    ],
    warnings: json.normalizer === undefined ? [] : [
      `llama.cpp cuts text as it is, this tokenizer normalises it before (${json.normalizer.type}): ` +
      "text that is not normalised gets other tokens there",
    ],
  };
}

function sentencePiece({ tokenizer, vocabulary, merges, tokens, types }: Source): Kind {
  const scores = scoresOfMerges(tokens, merges);
  const [first] = tokenizer.encode("a", { addSpecialTokens: false });
  const warnings: string[] = [];
  if (mergesOfScores({ tokens, scores, types }).length !== merges.length) {
    warnings.push(
      "llama.cpp merges any two neighbours that are a token, this tokenizer only those in its list: some words may be cut otherwise",
    );
  }
  if (!vocabulary.has("<0x00>")) {
    warnings.push(
      "the vocabulary has no tokens for bytes: llama.cpp fails at characters that it does not have",
    );
  }
  return {
    kind: "llama",
    entries: [
      ["tokenizer.ggml.pre", ggufString("default")],
      ["tokenizer.ggml.scores", ggufArray("float32", scores)],
      [
        "tokenizer.ggml.add_space_prefix",
        ggufBool(first !== undefined && tokens[first]!.startsWith("▁")),
      ],
    ],
    warnings,
  };
}

function hasStage(stage: unknown, type: string): boolean {
  if (typeof stage !== "object" || stage === null) return false;
  const { type: own, pretokenizers } = stage as Stage;
  return own === type ||
    (Array.isArray(pretokenizers) && pretokenizers.some((inner) => hasStage(inner, type)));
}

/** Says which special tokens stand around a text. */
function frame(
  tokenizer: Tokenizer,
  bos: number | undefined,
  eos: number | undefined,
): Entry[] {
  const text = tokenizer.encode("a", { addSpecialTokens: false });
  const framed = tokenizer.encode("a");
  const start = framed.findIndex((_, at) => text.every((id, i) => framed[at + i] === id));
  const before = framed.slice(0, start);
  const after = framed.slice(start + text.length);
  const isOnly = (ids: readonly number[], id: number | undefined): boolean =>
    ids.length === 0 || (ids.length === 1 && ids[0] === id);
  if (!isOnly(before, bos) || !isOnly(after, eos)) {
    throw new UserError(
      "Cannot export to GGUF: the tokenizer puts other tokens around a text than those of its beginning and its end",
    );
  }
  return [
    ["tokenizer.ggml.add_bos_token", ggufBool(before.length > 0)],
    ["tokenizer.ggml.add_eos_token", ggufBool(after.length > 0)],
  ];
}
