/**
 * Where a tokenizer's chat template stands, and what is used where there is none.
 *
 * @module
 */

/** Templates of a tokenizer by name. */
export type ChatTemplateSources = ReadonlyMap<string, string>;

/** Name of the template that is used if no other fits better. */
export const DEFAULT_TEMPLATE = "default";
/** Name of the template that is used for conversations with tools. */
export const TOOL_TEMPLATE = "tool_use";

/** ChatML with the trained spans marked. */
export const CHATML_TEMPLATE: string = `{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.role == 'assistant' %}
        {%- generation %}
            {{- message.content + '<|im_end|>' }}
        {%- endgeneration %}
    {%- else %}
        {{- message.content + '<|im_end|>' }}
    {%- endif %}
    {{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
`;

/** Lines like `user: Hello!`; what the assistant says begins behind the colon and ends with the end-of-text token. */
export const PLAIN_TEMPLATE: string = `{%- for message in messages %}
    {{- message.role + ':' }}
    {%- if message.role == 'assistant' %}
        {%- generation %}
            {{- ' ' + message.content + (eos_token or '\\n') }}
        {%- endgeneration %}
        {{- '\\n' if eos_token else '' }}
    {%- else %}
        {{- ' ' + message.content + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- 'assistant:' }}
{%- endif %}
`;

/**
 * Reads the templates of a tokenizer.
 *
 * @param config Content of `tokenizer_config.json`.
 * @param file Content of `chat_template.jinja`, which goes before the default template of `config`.
 */
export function readChatTemplates(
  config: Readonly<Record<string, unknown>>,
  file: string | undefined,
): ChatTemplateSources {
  const sources = new Map<string, string>();
  const inConfig = config.chat_template;
  if (typeof inConfig === "string") sources.set(DEFAULT_TEMPLATE, inConfig);
  if (Array.isArray(inConfig)) {
    for (const { name, template } of inConfig as readonly Readonly<Record<string, unknown>>[]) {
      if (typeof name === "string" && typeof template === "string") sources.set(name, template);
    }
  }
  if (file !== undefined) sources.set(DEFAULT_TEMPLATE, file);
  return sources;
}

/** Returns ChatML if its tokens exist, else the plain template. */
export function fallbackTemplate(hasToken: (token: string) => boolean): string {
  return hasToken("<|im_start|>") && hasToken("<|im_end|>") ? CHATML_TEMPLATE : PLAIN_TEMPLATE;
}
