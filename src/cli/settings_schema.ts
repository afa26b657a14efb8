/**
 * The JSON Schema of files of settings, for editors.
 *
 * @module
 */

import type { JsonObject } from "../utils/json.ts";
import { schemaOf } from "../utils/settings/rules.ts";
import type { AnySettings } from "../utils/settings/setting.ts";
import { SECTIONS, TRAIN_SETTINGS } from "./settings_sections.ts";

/** Returns the schema of the home's file and of those that `--config` names. */
export function settingsSchema(): JsonObject {
  const sections = Object.entries(SECTIONS).map(([name, { help, settings }]) =>
    [
      name,
      {
        description: help,
        ...(settings === null ? { type: "object" } : objectSchema(settings)),
      },
    ] as const
  );
  const { properties, ...rest } = objectSchema(TRAIN_SETTINGS);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Settings of llm-training",
    description: "llm-training.json in a home folder, or a file that --config names",
    ...rest,
    properties: {
      $schema: { description: "where this schema lies, for editors", type: "string" },
      ...properties,
      ...Object.fromEntries(sections),
    },
  };
}

interface ObjectSchema extends JsonObject {
  readonly properties: JsonObject;
}

function objectSchema(table: AnySettings): ObjectSchema {
  const properties = Object.entries(table).map(([key, setting]) => [key, schemaOf(setting)]);
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    additionalProperties: false,
  };
}

/** Returns the schema as the text of a file. */
export function settingsSchemaText(): string {
  return `${JSON.stringify(settingsSchema(), null, 2)}\n`;
}
