import assert from "node:assert/strict";
import { parseChatTemplate } from "../../../src/models/tokenizer/chat_template.ts";
import { ChatTemplateError } from "../../../src/models/tokenizer/tokenizer.ts";
import witness from "../../fixtures/jinja.json" with { type: "json" };

for (const { template, text } of witness.cases) {
  Deno.test(`parseChatTemplate() writes what jinja2 writes: ${template}`, () => {
    assert.equal(parseChatTemplate(template).render({ text: "a😀b", messages: [] }).text, text);
  });
}

Deno.test("parseChatTemplate() tells which message a generation block writes, whatever its variable", () => {
  const template = parseChatTemplate(
    `{% macro say(turn) %}{% generation %}{{ turn.content }}{% endgeneration %}{% endmacro %}
{%- for entry in messages[1:] | reverse %}{% if entry.role == 'assistant' %}{{ say(entry) }}
{%- endif %}{% endfor %}{% generation %}!{% endgeneration %}`,
  );
  const messages = ["user", "assistant", "user", "assistant"]
    .map((role, i) => ({ role, content: `${i}` }));
  assert.deepEqual(template.render({ messages }), {
    text: "31!",
    generated: [
      { start: 0, end: 1, message: 3 },
      { start: 1, end: 2, message: 1 },
      { start: 2, end: 3, message: undefined },
    ],
  });
});

Deno.test("parseChatTemplate() says why a template cannot be read or refuses", () => {
  assert.throws(() => parseChatTemplate("{% for %}"), ChatTemplateError);
  const refuses = parseChatTemplate("{{ raise_exception('no system messages') }}");
  assert.throws(
    () => refuses.render({}),
    { name: "UserError", message: "Cannot render chat: no system messages" },
  );
});
