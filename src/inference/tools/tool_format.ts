/**
 * How models write calls of functions.
 *
 * @module
 */

/** Every form of writing them. */
export const TOOL_FORMATS = ["tags", "json"] as const;

/**
 * A form of writing calls: `tags` is `<tool_call>{"name": …, "arguments": …}</tool_call>`, as Qwen and Hermes do it,
 * `json` is `{"name": …, "parameters": …}` as the whole text, as Llama does it.
 */
export type ToolFormat = (typeof TOOL_FORMATS)[number];

/** How a call is written. */
export interface ToolSpelling {
  /** What stands before it. */
  readonly before: string;
  /** The key of its arguments. */
  readonly argumentsKey: string;
  /** What stands behind it. */
  readonly after: string;
  /** What stands between two. */
  readonly between: string;
}

/** How calls are written in each form. */
export const TOOL_SPELLINGS: Readonly<Record<ToolFormat, ToolSpelling>> = {
  tags: {
    before: "<tool_call>\n",
    argumentsKey: "arguments",
    after: "\n</tool_call>",
    between: "\n",
  },
  json: { before: "", argumentsKey: "parameters", after: "", between: "; " },
};

/** Returns the form that a chat template teaches, or `null` if it knows of no functions. */
export function toolFormatOf(template: string): ToolFormat | null {
  if (!/\btools\b/.test(template)) return null;
  if (template.includes("<tool_call>")) return "tags";
  return /python_tag|"parameters"|parameters/.test(template) ? "json" : "tags";
}
