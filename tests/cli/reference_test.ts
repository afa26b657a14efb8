import assert from "node:assert/strict";
import { commandReference } from "../../src/cli/reference.ts";

Deno.test("docs/cli.md is what --help says; if not, run tools/write_cli_reference.ts", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/cli.md", import.meta.url));
  assert.equal(page, await commandReference());
});
