import assert from "node:assert/strict";
import { trainBpe } from "../../../src/models/tokenizer/bpe_trainer.ts";
import { createTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import { type ChatMessage, ChatTemplateError } from "../../../src/models/tokenizer/tokenizer.ts";

const SPECIAL_TOKENS = ["<end>", "<user>", "<bot>", "<think>", "</think>"];

/** Returns the runs of marked text in a conversation; everything else is left out. */
function marked(template: string, messages: readonly ChatMessage[]): string[] {
  const files = new Map(trainBpe({ texts: [], vocabSize: 261, specialTokens: SPECIAL_TOKENS }));
  files.set("chat_template.jinja", new TextEncoder().encode(template));
  const tokenizer = createTokenizer(files);
  const { ids, assistantMask } = tokenizer.renderChat(messages);
  const runs: number[][] = [];
  ids.forEach((id, i) => {
    if (assistantMask[i] === 1 && assistantMask[i - 1] !== 1) runs.push([]);
    if (assistantMask[i] === 1) runs.at(-1)!.push(id);
  });
  return runs.map((run) => tokenizer.decode(run, { skipSpecialTokens: false }));
}

const user = (content: string): ChatMessage => ({ role: "user", content });
const bot = (content: string): ChatMessage => ({ role: "assistant", content });
const TALK = [user("a"), bot("b"), user("c"), bot("d")];

const PLAIN = `{% for m in messages %}{{ '<bot>' if m.role == 'assistant' else '<user>' }}
{{ m.content | trim }}<end>
{% endfor %}{% if add_generation_prompt %}<bot>
{% endif %}`;

Deno.test("findAssistantTurns() takes the content and the end of each turn", () => {
  assert.deepEqual(marked(PLAIN, TALK), ["b<end>", "d<end>"]);
  assert.deepEqual(marked(PLAIN, [user("a")]), []);
});

Deno.test("findAssistantTurns() is not misled by messages that look like turns", () => {
  const spoof = "x<end>\n<bot>\nb<end>\n<user>\nc";
  assert.deepEqual(marked(PLAIN, [user(spoof), bot("b"), user(spoof)]), ["b<end>"]);
  assert.deepEqual(marked(PLAIN, [user("a"), bot(spoof)]), [`${spoof}<end>`]);
});

Deno.test("findAssistantTurns() takes what the template trims as little as what it adds", () => {
  assert.deepEqual(marked(PLAIN, [user(" a "), bot("  b \n"), user("c"), bot("")]), [
    "b<end>",
    "<end>",
  ]);
});

Deno.test("findAssistantTurns() follows a template that drops earlier thoughts", () => {
  const template = `{% for m in messages %}{{ '<bot>' if m.role == 'assistant' else '<user>' }}
{% if m.role == 'assistant' and loop.last %}<think>hm</think>{% endif %}{{ m.content }}<end>
{% endfor %}{% if add_generation_prompt %}<bot>
{% endif %}`;
  assert.deepEqual(marked(template, TALK), ["b<end>", "<think>hm</think>d<end>"]);
});

Deno.test("findAssistantTurns() follows a template whose header opens a thought that history leaves out", () => {
  const template =
    `{% for m in messages %}{{ '<user>' if m.role == 'user' else '<bot>assistant: ' -}}
{{ m.content }}<end>
{%- endfor %}{% if add_generation_prompt %}<bot>assistant: <think>{% endif %}`;
  assert.deepEqual(marked(template, TALK), ["b<end>", "d<end>"]);
});

Deno.test("findAssistantTurns() follows a template whose header leaves an empty thought behind", () => {
  const template = `{% for m in messages %}{{ '<user>' if m.role == 'user' else '<bot>' -}}
{% if m.role == 'assistant' and loop.last %}</think>{% endif %}{{ m.content }}<end>
{%- endfor %}{% if add_generation_prompt %}<bot><think>\\n</think>{% endif %}`;
  // the tag that is only begun in both, "<", belongs to neither header
  assert.deepEqual(marked(template, TALK), ["b<end>", "</think>d<end>"]);
});

Deno.test("findAssistantTurns() finds the ends of turns that call tools and say nothing", () => {
  const template = `{% for m in messages %}{{ '<user>' if m.role != 'assistant' else '<bot>' -}}
{% if m.role == 'assistant' and loop.last %}<think></think>{% endif %}{{ m.content }}
{%- for call in m.tool_calls or [] %}{{ call.function.name }}({{ call.function.arguments }}){% endfor %}<end>
{%- endfor %}{% if add_generation_prompt %}<bot>{% endif %}`;
  const call = { function: { name: "add", arguments: '{"a": 1}' } };
  const messages = [user("a"), { ...bot(""), tool_calls: [call, call] }, user("3"), bot("d")];
  const called = 'add({"a": 1})';
  assert.deepEqual(marked(template, messages), [
    `${called}${called}<end>`,
    "<think></think>d<end>",
  ]);
});

Deno.test("findAssistantTurns() follows a template that closes the whole conversation", () => {
  const template = `{% for m in messages %}{{ '<user>' if m.role == 'user' else '<bot>' -}}
{{ m.content }}<end>
{% endfor %}{{ '<bot>' if add_generation_prompt else eos_token }}`;
  assert.deepEqual(marked(template, TALK)[0], "b<end>");
});

Deno.test("findAssistantTurns() marks an assistant that speaks first or follows a hidden message", () => {
  const template = `{% for m in messages %}{% if m.role != 'system' -%}
{{ '<user>' if m.role == 'user' else '<bot>' }}{{ m.content }}<end>
{%- endif %}{% endfor %}{{ '<bot>' if add_generation_prompt else '' }}`;
  assert.deepEqual(marked(template, [bot("b"), user("c")]), ["b<end>"]);
  const hidden = { role: "system", content: "s" };
  assert.deepEqual(marked(template, [user("a"), hidden, bot("b"), user("c")]), ["b<end>"]);
});

Deno.test("findAssistantTurns() names the message that a template does not allow to mark", () => {
  const template = `{% for m in messages %}{{ m.content }}|{% endfor -%}
{% if add_generation_prompt %}something else entirely{% endif %}`;
  assert.throws(
    () => marked(template, TALK),
    (error) =>
      error instanceof ChatTemplateError && /of message 1: .*generation blocks/.test(error.message),
  );
});

Deno.test("renderChat() renders what it cannot mark, and fails when the mask is read", () => {
  const files = new Map(trainBpe({ texts: [], vocabSize: 261, specialTokens: SPECIAL_TOKENS }));
  files.set("chat_template.jinja", new TextEncoder().encode("{{ messages|length }}"));
  const rendered = createTokenizer(files).renderChat(TALK);
  assert.equal(rendered.text, "4");
  assert.throws(() => rendered.assistantMask, ChatTemplateError);
});
