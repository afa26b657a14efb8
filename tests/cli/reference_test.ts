import assert from "node:assert/strict";
import { withSettingTables } from "../../src/cli/configuration_reference.ts";
import { withMigrationTable } from "../../src/cli/migration_reference.ts";
import { commandReference } from "../../src/cli/reference.ts";
import { settingsSchemaText } from "../../src/cli/settings_schema.ts";

const readPage = (path: string): Promise<string> =>
  Deno.readTextFile(new URL(`../../${path}`, import.meta.url));

Deno.test("docs/cli.md is what --help says; if not, run deno task docs", async () => {
  assert.equal(await readPage("docs/cli.md"), await commandReference());
});

Deno.test("docs/configuration.md has every setting as it is defined; if not, run deno task docs", async () => {
  const page = await readPage("docs/configuration.md");
  assert.equal(page, withSettingTables(page));
  assert.match(page, /\n\| `gradientAccumulationSteps` \| `--gradient-accumulation-steps` +\|/);
});

Deno.test("docs/migration.md has every key of the Python platform as it is translated; if not, run deno task docs", async () => {
  const page = await readPage("docs/migration.md");
  assert.equal(page, withMigrationTable(page));
  assert.match(page, /\n\| `hyperparams\.gradient_accumulation` +\| `gradientAccumulationSteps`, /);
});

Deno.test("configs/llm-training.schema.json is what config schema prints; if not, run deno task docs", async () => {
  assert.equal(await readPage("configs/llm-training.schema.json"), settingsSchemaText());
});
