import assert from "node:assert/strict";
import { returnMemory } from "../../src/utils/return_memory.ts";

/** Fills and drops many small arrays, which lie in the C library's memory. */
function waste(bytes: number): number {
  const arrays = Array.from({ length: bytes / 2 ** 15 }, () => new Uint8Array(2 ** 15).fill(1));
  const { rss } = Deno.memoryUsage();
  arrays.length = 0;
  return rss;
}

Deno.test({
  name: "returnMemory() gives the system what was wasted",
  ignore: Deno.build.os !== "linux",
  fn() {
    const before = Deno.memoryUsage().rss;
    const wasted = waste(2 ** 28) - before;
    assert.ok(wasted > 2 ** 27);
    returnMemory();
    assert.ok(Deno.memoryUsage().rss - before < wasted / 2);
  },
});

Deno.test("returnMemory() does what it can without permissions, and asks for none", async () => {
  const url = import.meta.resolve("../../src/utils/return_memory.ts");
  const code = `import { returnMemory } from "${url}"; returnMemory();`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-lock",
      "--no-config",
      `data:application/typescript,${encodeURI(code)}`,
    ],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});
