import assert from "node:assert/strict";
import type { ChatMessage, Tokenizer } from "../../../src/models/tokenizer/tokenizer.ts";
import { ChatTemplateError } from "../../../src/models/tokenizer/tokenizer.ts";
import { sharedData, testWithData } from "../../shared_data.ts";
import { openGoldenTokenizer } from "./golden_tokenizers.ts";

interface GoldenCase {
  readonly conversation: string;
  readonly add_generation_prompt: boolean;
  readonly continue_final_message?: boolean;
  readonly text?: string;
  readonly ids?: readonly number[];
  readonly assistant_mask?: readonly number[];
  readonly error?: string;
  readonly message?: string;
  readonly python_only?: boolean;
}

interface GoldenTemplate {
  readonly template: string;
  readonly bos_token?: string;
  readonly eos_token: string;
  readonly cases: readonly GoldenCase[];
}

interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

const TEMPLATES = ["chatml", "chatml_generation", "gemma", "llama3", "mistral", "qwen3"] as const;

/** Floats without a fraction stay floats. */
function parseKeepingFloats(json: string): Readonly<Record<string, Conversation>> {
  const { rawJSON } = JSON as unknown as { readonly rawJSON: (source: string) => unknown };
  return JSON.parse(json, (_key, value, context?: { readonly source?: string }) => {
    const source = context?.source;
    return typeof value === "number" && /[.eE]/.test(source ?? "") ? rawJSON(source!) : value;
  });
}

interface OpenTemplate {
  readonly golden: GoldenTemplate;
  readonly tokenizer: Tokenizer;
  readonly conversations: Readonly<Record<string, Conversation>>;
}

const open = new Map<string, OpenTemplate>();

/** Opens a template; one that is open is used again, because a large vocabulary takes its time. */
function openTemplate(name: string): OpenTemplate {
  const known = open.get(name) ?? readTemplate(name);
  open.set(name, known);
  return known;
}

function readTemplate(name: string): OpenTemplate {
  const golden: GoldenTemplate = JSON.parse(
    Deno.readTextFileSync(sharedData(`golden/chat/${name}.json`)!),
  );
  const { template, bos_token, eos_token } = golden;
  const tokenizer = openGoldenTokenizer(sharedData("tokenizers/qwen3")!, {
    "tokenizer_config.json": JSON.stringify({ bos_token, eos_token, chat_template: template }),
  });
  const conversations = parseKeepingFloats(
    Deno.readTextFileSync(sharedData("golden/chat/conversations.json")!),
  );
  return { golden, tokenizer, conversations };
}

for (const name of TEMPLATES) {
  testWithData(
    `renderChat() agrees with transformers on every golden conversation: ${name}`,
    { data: "golden/chat" },
    () => {
      const { golden, tokenizer, conversations } = openTemplate(name);
      let compared = 0;
      for (const row of golden.cases) {
        const { messages, tools, kwargs } = conversations[row.conversation]!;
        const title =
          `${row.conversation} ${row.add_generation_prompt} ${row.continue_final_message}`;
        const render = () =>
          tokenizer.renderChat(messages, {
            addGenerationPrompt: row.add_generation_prompt,
            continueFinalMessage: row.continue_final_message ?? false,
            ...tools && { tools },
            ...kwargs && { templateVariables: kwargs },
          });
        if (row.error !== undefined) {
          assert.throws(
            render,
            (error) =>
              error instanceof ChatTemplateError &&
              (row.error !== "TemplateError" || error.message.endsWith(row.message!)),
            title,
          );
          continue;
        }
        const rendered = render();
        assert.equal(rendered.text, row.text, title);
        assert.deepEqual(rendered.ids, row.ids, title);
        if (row.assistant_mask !== undefined) {
          assert.deepEqual(rendered.assistantMask, row.assistant_mask, title);
        }
        compared++;
      }
      assert.ok(compared >= 20, `only ${compared} compared`);
    },
  );
}

testWithData(
  "renderChat() marks the same tokens from the structure as generation blocks do: chatml",
  { data: "golden/chat" },
  () => {
    const { tokenizer, conversations } = openTemplate("chatml");
    const marked = openTemplate("chatml_generation").golden;
    for (const row of marked.cases) {
      if (row.assistant_mask === undefined || row.continue_final_message === true) continue;
      const { messages } = conversations[row.conversation]!;
      const rendered = tokenizer.renderChat(messages, {
        addGenerationPrompt: row.add_generation_prompt,
      });
      assert.deepEqual(rendered.assistantMask, row.assistant_mask, row.conversation);
    }
  },
);

testWithData(
  "renderChat() marks what the assistant says and the end of its turn, whatever the template does",
  { data: "golden/chat" },
  () => {
    for (const name of TEMPLATES) {
      const { golden, tokenizer, conversations } = openTemplate(name);
      for (const row of golden.cases) {
        if (row.text === undefined || row.add_generation_prompt || row.python_only) continue;
        if (row.continue_final_message) continue;
        const { messages, tools } = conversations[row.conversation]!;
        const { ids, assistantMask } = tokenizer.renderChat(messages, { ...tools && { tools } });
        const said = tokenizer.decode(ids.filter((_, i) => assistantMask[i] === 1), {
          skipSpecialTokens: false,
        });
        for (const { role, content } of messages) {
          if (role !== "assistant") continue;
          const answer = content.replace(/^<think>[^]*<\/think>\n\n/, "").trim();
          assert.ok(said.includes(answer), `${name} ${row.conversation}: ${said}`);
        }
        for (const { role, content } of messages) {
          if (role === "user") assert.ok(!said.includes(content), `${name} ${row.conversation}`);
        }
        assert.ok(!/assistant|model/.test(said), `${name} ${row.conversation}: ${said}`);
      }
    }
  },
);
