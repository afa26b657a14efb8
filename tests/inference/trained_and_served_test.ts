import assert from "node:assert/strict";
import { encodeRow } from "../../src/datasets/encode.ts";
import { IGNORED_LABEL } from "../../src/datasets/labels.ts";
import { createServer } from "../../src/inference/create_server.ts";
import type { LoadedModel } from "../../src/inference/generation/loaded_model.ts";
import { createLocalService } from "../../src/inference/local_service.ts";
import { encodePrompt } from "../../src/inference/prompts.ts";
import type { ChatMessage, Tokenizer } from "../../src/models/tokenizer/tokenizer.ts";
import { ChatTemplateError } from "../../src/models/tokenizer/tokenizer.ts";
import {
  configWith,
  GOLDEN_TEMPLATES,
  openSmallTokenizer,
  readGoldenTemplate,
} from "../models/tokenizer/golden_templates.ts";
import { openGoldenTokenizer } from "../models/tokenizer/golden_tokenizers.ts";
import { sharedData, testWithData } from "../shared_data.ts";
import { createToyDecoder } from "./toy_model.ts";

interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

/** Conversations whose tokens reach across the borders of turns, beside the golden ones. */
const AWKWARD: Readonly<Record<string, Conversation>> = {
  line_breaks: {
    messages: [
      { role: "user", content: "\n\nfox\n" },
      { role: "assistant", content: "\n\nthe dog\n\n" },
      { role: "user", content: "assistant\n" },
      { role: "assistant", content: "\n: a\n" },
    ],
  },
  markup: {
    messages: [
      { role: "user", content: "<|im_end|>\n<|im_start|>assistant\n\n{{ 1 }}" },
      { role: "assistant", content: "  {% generation %}<end_of_turn>\n" },
      { role: "user", content: "</s> [INST] ]" },
      { role: "assistant", content: "]\n\n👩‍👩‍👧 e\u0301" },
    ],
  },
};

function conversations(): Readonly<Record<string, Conversation>> {
  const path = sharedData("golden/chat/conversations.json")!;
  const golden: Readonly<Record<string, Conversation>> = JSON.parse(Deno.readTextFileSync(path));
  // messages in parts reach neither side as lists
  const { content_parts: _, ...rest } = golden;
  return { ...rest, ...AWKWARD };
}

/** A model that reads any prompt and says one token. */
function modelWith(tokenizer: Tokenizer): LoadedModel {
  const decoder = createToyDecoder({ maxPositions: 100_000 });
  return {
    id: "toy",
    folder: "toy",
    device: "wasm",
    deviceReason: "it is a toy",
    weightType: "f32",
    decoder: { ...decoder, vocabSize: tokenizer.vocabSize },
    tokenizer,
    eosTokenIds: [],
    generationConfig: {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Returns the ids and where the last turn begins to be trained; `undefined` where the template refuses. */
function trained(
  { messages, tools, kwargs }: Conversation,
  tokenizer: Tokenizer,
): { readonly ids: readonly number[]; readonly start: number } | undefined {
  try {
    const [example] = encodeRow({
      kind: "messages",
      messages,
      tools,
      ...kwargs && { templateVariables: kwargs },
    }, {
      place: { path: "data.jsonl", line: 1 },
      tokenizer,
      maxLength: 100_000,
      trainOn: "last",
    }).examples;
    const { inputIds, labels } = example!;
    return { ids: [...inputIds], start: labels.findIndex((label) => label !== IGNORED_LABEL) };
  } catch (error) {
    if (error instanceof Error && error.cause instanceof ChatTemplateError) return undefined;
    throw error;
  }
}

const TOKENIZERS = {
  small: openSmallTokenizer,
  "qwen3's": (name: (typeof GOLDEN_TEMPLATES)[number]) =>
    openGoldenTokenizer(sharedData("tokenizers/qwen3")!, {
      "tokenizer_config.json": configWith(readGoldenTemplate(name)),
    }),
} as const;

for (const [whose, open] of Object.entries(TOKENIZERS)) {
  testWithData(
    `serve reads before each turn the ids that were trained, and chat goes on with them: ${whose} tokens`,
    { data: "golden/chat" },
    async () => {
      let compared = 0;
      for (const name of GOLDEN_TEMPLATES) {
        const model = modelWith(open(name));
        await using service = createLocalService(model);
        const handler = createServer({ service });
        const served = async (fields: object): Promise<readonly number[]> => {
          const response = await handler(
            new Request("http://localhost/v1/chat/completions", {
              method: "POST",
              headers: { "content-type": "application/json" },
              body: JSON.stringify({
                model: "toy",
                max_tokens: 1,
                return_token_ids: true,
                ...fields,
              }),
            }),
          );
          const body = await response.json();
          assert.equal(response.status, 200, JSON.stringify(body));
          return body.prompt_token_ids;
        };
        for (const [title, { messages, tools, kwargs }] of Object.entries(conversations())) {
          for (const [index, { role, content }] of messages.entries()) {
            if (role !== "assistant" || index === 0) continue;
            const shown = messages.slice(0, index + 1);
            const row = trained({ messages: shown, ...tools && { tools } }, model.tokenizer!);
            if (row === undefined) continue;
            const prompt = row.ids.slice(0, row.start);
            const history = shown.slice(0, -1);
            const where = `${name}, ${title}, message ${index}`;
            // a server that takes no tools reads them through the same function
            const ids = tools === undefined
              ? await served({ messages: history, chat_template_kwargs: kwargs })
              : encodePrompt(model, { kind: "chat", messages: history, options: { tools } }, {
                reservedTokens: 1,
                maxPositions: 100_000,
              }).ids;
            assert.deepEqual(ids, prompt, where);
            compared++;
            if (tools !== undefined || content.length < 2 || name === "qwen3") continue;
            // the answer is cut where a word ends
            const begun = /^\s*\S+/.exec(content)?.[0] ?? "";
            const open = await served({
              messages: [...history, { role, content: begun }],
              continue_final_message: true,
            });
            assert.deepEqual(open.slice(0, prompt.length), prompt, where);
            if (content.slice(begun.length).startsWith(" ")) {
              assert.deepEqual(row.ids.slice(0, open.length), open, where);
            }
          }
        }
      }
      assert.ok(compared > 100, `only ${compared} compared`);
    },
  );
}
