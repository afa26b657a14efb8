/**
 * Opens the tokenizer of a Hugging Face folder.
 *
 * @module
 */

import { messageOf, UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { isGgufPath } from "../../utils/paths.ts";
import { readGgufTokenizer } from "../gguf/tokenizer_from_gguf.ts";
import { renderChat } from "./chat_renderer.ts";
import { type ChatTemplate, parseChatTemplate } from "./chat_template.ts";
import {
  DEFAULT_TEMPLATE,
  fallbackTemplate,
  readChatTemplates,
  TOOL_TEMPLATE,
} from "./chat_template_source.ts";
import { parsePostProcessor } from "./post_processor.ts";
import { markSpecial, parseSpecialTokens } from "./special_tokens.ts";
import { createTextTokenizer } from "./text_encoder.ts";
import { createTokenDecoder } from "./token_decoder.ts";
import { findTurnEnd } from "./turn_end.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { asObject, parseTokenizerJson } from "./tokenizer_json.ts";

/** Files that belong to a tokenizer. */
export const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
] as const;

/** Options of {@linkcode createTokenizer}. */
export interface TokenizerOptions {
  /** Ids that end a text besides the tokenizer's own, as `config.json` and `generation_config.json` have them. */
  readonly eosTokenIds?: readonly number[];
  /** Reads the time for templates that print the date. */
  readonly now?: () => Date;
}

/**
 * Opens the tokenizer in `folder`; `undefined` if there is no `tokenizer.json`. A GGUF file has one inside.
 *
 * Tokens that end a text are those of `tokenizer_config.json`, `generation_config.json` and `config.json` together.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer | undefined> {
  if (isGgufPath(folder)) return await loadGgufTokenizer(folder);
  const files = new Map<string, Uint8Array>();
  for (const name of TOKENIZER_FILES) {
    const bytes = await readIfPresent(`${folder}/${name}`);
    if (bytes !== undefined) files.set(name, bytes);
  }
  if (!files.has("tokenizer.json")) return undefined;
  const configs: (readonly [string, Uint8Array | undefined])[] = [];
  for (const name of ["generation_config.json", "config.json"]) {
    configs.push([name, await readIfPresent(`${folder}/${name}`)]);
  }
  try {
    const eosTokenIds = configs.flatMap(([name, bytes]) => readJson(name, bytes).eos_token_id ?? [])
      .filter((id) => typeof id === "number");
    return createTokenizer(files, { eosTokenIds });
  } catch (error) {
    throw cannotOpen(folder, error);
  }
}

async function loadGgufTokenizer(path: string): Promise<Tokenizer | undefined> {
  const read = await readGgufTokenizer(path);
  if (read === undefined) return undefined;
  try {
    return createTokenizer(read.files, { eosTokenIds: read.eosTokenIds });
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

function cannotOpen(place: string, error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  return new UserError(`Cannot open the tokenizer in "${place}": ${error.message}`, {
    cause: error,
  });
}

/**
 * Creates a tokenizer from its files by name; `tokenizer.json` must be among them.
 *
 * Without a chat template, conversations are written in ChatML if the vocabulary has its tokens, else as lines of the
 * form `role: content`.
 *
 * @throws {UserError} If a file cannot be read.
 */
export function createTokenizer(
  files: ReadonlyMap<string, Uint8Array>,
  options: TokenizerOptions = {},
): Tokenizer {
  const source = files.get("tokenizer.json");
  if (source === undefined) throw new TypeError("Cannot create tokenizer: no tokenizer.json given");
  const file = parseTokenizerJson(readJson("tokenizer.json", source));
  const config = readJson("tokenizer_config.json", files.get("tokenizer_config.json"));
  const specialTokens = parseSpecialTokens(
    config,
    readJson("special_tokens_map.json", files.get("special_tokens_map.json")),
  );
  const json = { ...file, addedTokens: markSpecial(file.addedTokens, specialTokens) };
  const textTokenizer = createTextTokenizer(json);
  const { spelling } = textTokenizer;
  const frame = parsePostProcessor(json.postProcessor);
  const join = createTokenDecoder(json.decoder);
  const specialIds = new Set(json.addedTokens.filter((it) => it.special).map(({ id }) => id));
  const addedIds = new Map(json.addedTokens.map(({ content, id }) => [content, id]));
  const idOf = (token: string | undefined): number | undefined =>
    token === undefined ? undefined : addedIds.get(token) ?? textTokenizer.vocabulary.get(token);
  const eosTokenId = idOf(specialTokens.eos_token);
  const eosTokenIds = new Set([
    ...eosTokenId === undefined ? [] : [eosTokenId],
    ...(options.eosTokenIds ?? []).filter((id) => spelling[id] !== undefined),
  ]);

  const jinja = files.get("chat_template.jinja");
  const sources = readChatTemplates(config, jinja && new TextDecoder().decode(jinja));
  const templates = new Map<string, ChatTemplate>();
  const chatTemplate = sources.get(DEFAULT_TEMPLATE) ??
    fallbackTemplate((token) => addedIds.has(token));
  function templateFor(hasTools: boolean): ChatTemplate {
    const name = hasTools && sources.has(TOOL_TEMPLATE) ? TOOL_TEMPLATE : DEFAULT_TEMPLATE;
    const template = templates.get(name) ?? parseChatTemplate(
      sources.get(name) ?? chatTemplate,
      options.now === undefined ? {} : { now: options.now },
    );
    templates.set(name, template);
    return template;
  }

  const render: Tokenizer["renderChat"] = (messages, chat = {}) =>
    renderChat(templateFor((chat.tools?.length ?? 0) > 0), messages, {
      ...chat,
      tokenizer: textTokenizer,
      decode: (ids) => join(ids.flatMap((id) => spelling[id] ?? [])),
      specialTokens,
      endIds: eosTokenIds,
    });
  function endIds(): readonly number[] {
    const turnEnd = findTurnEnd(render, {
      isSpecial: (id) => specialIds.has(id),
      isBlank: (id) => join([spelling[id] ?? ""]).trim() === "",
    });
    return [...turnEnd === undefined ? eosTokenIds : new Set([...eosTokenIds, turnEnd])];
  }

  let ends: readonly number[] | undefined;
  return {
    vocabSize: spelling.length,
    bosTokenId: idOf(specialTokens.bos_token),
    get eosTokenIds() {
      return ends ??= endIds();
    },
    padTokenId: idOf(specialTokens.pad_token),
    hasChatTemplate: sources.has(DEFAULT_TEMPLATE),
    chatTemplate,
    files: new Map(files),
    encode(text, { addSpecialTokens = true, parseSpecialTokens = true } = {}) {
      const ids: number[] = addSpecialTokens ? [...frame.before] : [];
      for (const { units } of textTokenizer.encode(text, { parseSpecialTokens })) {
        for (const unit of units) for (const id of unit.ids) ids.push(id);
      }
      if (addSpecialTokens) ids.push(...frame.after);
      return ids;
    },
    decode(ids, { skipSpecialTokens = true } = {}) {
      const tokens: string[] = [];
      for (const id of ids) {
        const token = spelling[id];
        if (token !== undefined && !(skipSpecialTokens && specialIds.has(id))) tokens.push(token);
      }
      return join(tokens);
    },
    renderChat: render,
  };
}

async function readIfPresent(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("read", path, error);
  }
}

function readJson(
  name: string,
  bytes: Uint8Array | undefined,
): Readonly<Record<string, unknown>> {
  if (bytes === undefined) return {};
  try {
    return asObject(JSON.parse(new TextDecoder().decode(bytes)), "the file");
  } catch (error) {
    throw new UserError(`Cannot read ${name}: ${messageOf(error)}`, { cause: error });
  }
}
