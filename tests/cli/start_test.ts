import assert from "node:assert/strict";
import { importsOf, readSources } from "../source_files.ts";

Deno.test("the program's start loads no package and none of Node's modules: each costs milliseconds", async () => {
  const sources = new Map((await readSources(["src"])).map((file) => [file.path, file]));
  const pending: (readonly [path: string, ...chain: string[]])[] = [["cli.ts"]];
  const seen = new Set<string>();
  const found: string[] = [];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [path] = next;
    const file = sources.get(path);
    if (file === undefined || seen.has(path)) continue;
    seen.add(path);
    for (const { specifier, target, dynamic } of importsOf(file)) {
      if (dynamic || isOfTypes(file.text, specifier)) continue;
      if (target === undefined) found.push(`${specifier} by ${next.join(", by ")}`);
      else pending.push([target, ...next]);
    }
  }
  assert.ok(seen.has("src/cli/commands.ts"));
  assert.deepEqual(found, []);
});

/** Whether `specifier` is imported for its types alone, of which nothing is loaded. */
function isOfTypes(text: string, specifier: string): boolean {
  return new RegExp(`^import type [^;]* from "${RegExp.escape(specifier)}";`, "m").test(text);
}
