import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Command } from "commander";
import { findFiles } from "../../src/datasets/sources/find_files.ts";
import { registerDataGenerate } from "../../src/cli/data_generate.ts";
import { UserError } from "../../src/utils/errors.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const DATA = new URL("../../data/", import.meta.url);

async function run(args: readonly string[]): Promise<void> {
  const program = new Command("llm-training").exitOverride()
    .configureOutput({ writeErr: () => {} });
  const data = program.command("data").copyInheritedSettings(program);
  registerDataGenerate(data);
  await program.parseAsync(args, { from: "user" });
}

async function namesIn(folder: string | URL): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
}

Deno.test("data generate makes the files of data/ again, byte by byte", async () => {
  await using folder = await temporaryFolder();
  const readme = await Deno.readTextFile(new URL("README.md", DATA));
  const commands = readme.split("\n").filter((line) => line.startsWith("llm-training data "));
  const made: string[] = [];
  for (const line of commands) {
    const args = line.split(" ").slice(1).map((word) => {
      if (!word.startsWith("data/")) return word;
      made.push(word.slice("data/".length));
      return `${folder.path}/${made.at(-1)}`;
    });
    await run(args);
  }
  const files = (await namesIn(DATA)).filter((it) => it !== "README.md");
  assert.deepEqual(made.toSorted(), files.toSorted());
  for (const name of made) {
    const [kept, again] = await Promise.all([
      Deno.readFile(new URL(name, DATA)),
      Deno.readFile(`${folder.path}/${name}`),
    ]);
    assert.ok(kept.length <= 200_000, `${name}: ${kept.length} bytes`);
    assert.ok(
      kept.every((byte, i) => byte === again[i]) && kept.length === again.length,
      `${name} differs`,
    );
  }
});

Deno.test("data generate writes the rows asked for and leaves no other file", async () => {
  await using folder = await temporaryFolder();
  const output = `${folder.path}/rows.jsonl`;
  const args = ["data", "generate", "--skill", "binary_arithmetic", "--output", output];
  await run([...args, "--rows", "12", "--format", "text"]);
  const lines = (await Deno.readTextFile(output)).trimEnd().split("\n");
  assert.equal(lines.length, 12);
  for (const line of lines) assert.deepEqual(Object.keys(JSON.parse(line)), ["text"]);
  assert.deepEqual((await namesIn(folder.path)).toSorted(), [
    "rows.jsonl",
    "rows.jsonl.lineage.json",
  ]);
});

Deno.test("data generate --count writes where the rows come from", async () => {
  await using folder = await temporaryFolder();
  const output = `${folder.path}/f.jsonl`;
  await run([
    ...["data", "generate", "--skill", "builtin:syllo", "--level", "3", "--count", "20"],
    ...["--seed", "1", "--output", output],
  ]);
  const rows = await Deno.readFile(output);
  const { created, generator, ...lineage } = JSON.parse(
    await Deno.readTextFile(`${output}.lineage.json`),
  );
  assert.deepEqual(lineage, {
    ...{ skill: "builtin:syllo", name: "syllo", level: 3, seed: 1, count: 20, format: "messages" },
    sha256: createHash("sha256").update(rows).digest("hex"),
  });
  assert.equal(new TextDecoder().decode(rows).trimEnd().split("\n").length, 20);
  assert.match(generator, /^llm-training \d/);
  assert.ok(Date.parse(created) > 0);
  assert.deepEqual(await findFiles(folder.path), [output]); // training on the folder leaves it out
});

Deno.test("data generate takes a skill from a file", async () => {
  await using folder = await temporaryFolder();
  const skill = `${folder.path}/skill.ts`;
  await Deno.writeTextFile(
    skill,
    `export default { name: "echo", description: "", levels: 1,
      generate: (random) => {
        const prompt = String(random.integer(1000));
        return { history: [], prompt, answer: prompt };
      },
      score: (item, text) => ({ correct: text === item.answer, reason: "" }) };`,
  );
  const output = `${folder.path}/rows.jsonl`;
  await run(["data", "generate", "--skill", skill, "--rows", "5", "--output", output]);
  const [row] = (await Deno.readTextFile(output)).split("\n");
  const { messages } = JSON.parse(row!);
  assert.equal(messages[0].content, messages[1].content);
});

Deno.test("data generate replaces a file only with --force", async () => {
  await using folder = await temporaryFolder();
  const output = `${folder.path}/rows.jsonl`;
  await Deno.writeTextFile(output, "kept");
  const args = ["data", "generate", "--skill", "tiny_world", "--rows", "3", "--output", output];
  await assert.rejects(
    run(args),
    (error) => error instanceof UserError && /is there already; add --force/.test(error.message),
  );
  assert.equal(await Deno.readTextFile(output), "kept");
  await run([...args, "--force"]);
  assert.equal((await Deno.readTextFile(output)).trimEnd().split("\n").length, 3);
});

Deno.test("data generate leaves no file behind when a level has too few rows", async () => {
  await using folder = await temporaryFolder();
  const output = `${folder.path}/rows.jsonl`;
  const args = ["data", "generate", "--skill", "binary_arithmetic", "--output", output];
  await assert.rejects(run([...args, "--rows", "5000"]), /level 1 has only about/);
  assert.deepEqual(await namesIn(folder.path), []);
});

Deno.test("data generate names the option that is missing or wrong", async () => {
  for (
    const [args, wanted] of [
      [[], /--skill says what to generate/],
      [["--skill", "syllo"], /--output says which file to write/],
      [
        ["--skill", "chess", "--output", "x"],
        /Cannot find skill "chess": there are .*builtin:syllo/,
      ],
      [["--skill", "syllo", "--level", "11", "--output", "x"], /--level must be from 1 to 10/],
      [["--rows", "0"], /'0' is invalid/],
    ] as const
  ) {
    await assert.rejects(run(["data", "generate", ...args]), wanted);
  }
});
