import assert from "node:assert/strict";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "../../src/cli/commands.ts";
import { createProgram } from "../../src/cli/program.ts";
import { readPages } from "../../tools/site/pages.ts";
import { runLine } from "../../tools/readme/run_line.ts";
import { shellLines } from "../../tools/readme/shell_lines.ts";
import { commandLineProblem } from "../cli/command_lines.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("the shell blocks of all pages call commands that there are, with flags that they have", async () => {
  const program = await createProgram("llm-training", COMMANDS.map(({ name }) => name));
  let count = 0;
  for (const { path, markdown } of await readPages(root)) {
    for (const line of shellLines(markdown)) {
      // of a pipe, a list or an assignment the calls of the program; a comment is none
      const calls = line.replace(/\s#.*$/, "")
        .matchAll(
          /(?:^|[|;&]\s*|^\w+=\S*\s)(llm-(?:training|train|daemon|inference)(?=\s)(?:[^|;&>"']|"[^"]*"|'[^']*')*)/g,
        );
      for (const [, call] of calls) {
        const plain = call!.replaceAll(/"[^"]*"|'[^']*'/g, "text").replace(/ -- .*/, "").trim();
        assert.equal(commandLineProblem(plain, program), undefined, `${path}: ${line}`);
        count++;
      }
    }
  }
  assert.ok(count > 60, `only ${count}`);
});

Deno.test("deno tasks that the README and CONTRIBUTING.md name are there", async () => {
  const { default: config } = await import("../../deno.json", { with: { type: "json" } });
  for (const path of ["README.md", "CONTRIBUTING.md"]) {
    const text = await Deno.readTextFile(`${root}/${path}`);
    for (const [, task] of text.matchAll(/\b(?:deno|deno@[\d.]+) task ([\w:-]+)/g)) {
      assert.ok(Object.hasOwn(config.tasks, task!), `${relative(root, path)}: ${task}`);
    }
  }
});

Deno.test("shellLines() returns what is to be typed", () => {
  const page = "```sh\n# first\na --b \\\n  --c\n\nd  # e\n```\n\n```console\n$ f\n```\n";
  assert.deepEqual(shellLines(page), ["a --b --c", "d  # e"]);
});

Deno.test("runLine() tells of a status and of a server that does not get ready", async () => {
  await using folder = await temporaryFolder();
  const place = { clone: folder.path, home: folder.path };
  assert.equal((await runLine('test "$HOME" = "$PWD"', place)).problem, undefined);
  assert.equal((await runLine("exit 3", place)).problem, "status 3");
  const server = "bash -c 'echo serve; exit 0'";
  assert.equal((await runLine(server, place)).problem, "it ended before it was ready");
  const waits = "trap 'kill %1; exit 0' TERM; echo Serving x at http://y; sleep 30 & wait";
  const ready = await runLine(`bash -c "${waits}" serve`, place);
  assert.equal(ready.problem, undefined, ready.output);
});
