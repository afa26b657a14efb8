/**
 * Fields of a task description: a name of a column, or a Jinja template over the columns of a row.
 *
 * @module
 */

import { type JinjaTemplate, parseJinja } from "../../models/tokenizer/jinja_interpreter.ts";
import { messageOf, UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { parsePythonLiteral } from "./python_literal.ts";

/** Renders the fields of one task description. */
export interface TaskTemplate {
  /** Returns a column as it is, or what the template prints. */
  value(source: string, row: JsonObject): unknown;
  /** Returns a column or what the template prints, as text. */
  text(source: string, row: JsonObject): string;
  /** Returns a column that is a list, or the list that the template prints. */
  list(source: string, row: JsonObject): readonly unknown[];
}

/** Options of {@linkcode createTaskTemplate}. */
export interface TaskTemplateOptions {
  /** The task description, for errors. */
  readonly source: string;
}

/** Creates a renderer; each template is parsed once. */
export function createTaskTemplate({ source: file }: TaskTemplateOptions): TaskTemplate {
  const parsed = new Map<string, JinjaTemplate>();

  function render(source: string, row: JsonObject): string {
    try {
      let template = parsed.get(source);
      if (template === undefined) {
        // the library drops a line break at the end, which lm-evaluation-harness keeps
        template = parseJinja(`${source}{{ "" }}`, { trimBlocks: false });
        parsed.set(source, template);
      }
      return template.render(row, {
        globals: {},
        marks: { open: () => "", close: "" },
      });
    } catch (error) {
      throw new UserError(
        `Cannot render template ${JSON.stringify(source)} of "${file}": ${messageOf(error)}; ` +
          `a row has ${Object.keys(row).join(", ")}`,
        { cause: error },
      );
    }
  }

  const value = (source: string, row: JsonObject): unknown =>
    Object.hasOwn(row, source) ? row[source] : render(source, row);

  return {
    value,
    text(source, row) {
      const found = value(source, row);
      return typeof found === "string" ? found : printed(found);
    },
    list(source, row) {
      const found = value(source, row);
      if (Array.isArray(found)) return found;
      const list = typeof found === "string" ? parsePythonLiteral(found) : undefined;
      if (Array.isArray(list)) return list;
      throw new UserError(
        `Cannot read the choices of "${file}": ${JSON.stringify(source)} gives ` +
          `${JSON.stringify(found)?.slice(0, 60)}, which is not a list`,
      );
    },
  };
}

function printed(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}
