/**
 * Writes what is made from the commands and settings: `docs/cli.md`, the tables of `docs/configuration.md` and
 * `docs/migration.md`, and `configs/llm-training.schema.json`.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { withSettingTables } from "../src/cli/configuration_reference.ts";
import { withMigrationTable } from "../src/cli/migration_reference.ts";
import { commandReference } from "../src/cli/reference.ts";
import { settingsSchemaText } from "../src/cli/settings_schema.ts";

const pathOf = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const configuration = pathOf("docs/configuration.md");
await Deno.writeTextFile(pathOf("docs/cli.md"), await commandReference());
await Deno.writeTextFile(
  configuration,
  withSettingTables(await Deno.readTextFile(configuration)),
);
const migration = pathOf("docs/migration.md");
await Deno.writeTextFile(migration, withMigrationTable(await Deno.readTextFile(migration)));
await Deno.writeTextFile(pathOf("configs/llm-training.schema.json"), settingsSchemaText());
