import assert from "node:assert/strict";
import { FINDING_CODES, FINDING_KINDS } from "../../../src/datasets/validation/codes.ts";

Deno.test("FINDING_KINDS are documented, each under its code", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/data.md", import.meta.url));
  const unescaped = page.replaceAll("\\|", "|");
  assert.equal(new Set(FINDING_CODES).size, FINDING_CODES.length);
  for (const code of FINDING_CODES) {
    const { level, summary } = FINDING_KINDS[code];
    const row = unescaped.split("\n").find((line) => line.startsWith(`| \`${code}\` `));
    assert.ok(row?.includes(`| ${level} `) && row.includes(summary), code);
  }
});
