import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { temporaryFolder } from "../temporary_folder.ts";
import { readLibraryPages } from "./library_pages.ts";
import { publishLocally } from "./local_registry.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const MAX_LINES = 20;

const pages = await readLibraryPages();

Deno.test("every public subpath has a page with a program of at most 20 lines that imports it", () => {
  for (const { specifier, path, program } of pages) {
    assert.ok(
      program.includes(`from "${specifier}"`) || program.includes(`("${specifier}")`),
      path,
    );
    const lines = program.trimEnd().split("\n").filter((line) => line !== "").length;
    assert.ok(lines <= MAX_LINES, `${path}: its program has ${lines} lines`);
  }
});

Deno.test("the programs of docs/api run as those of a project that depends on the published package", async (t) => {
  await using folder = await temporaryFolder();
  await using registry = await publishLocally({ root, folder: folder.path });
  const cache = join(folder.path, "cache");
  await Deno.mkdir(cache);
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  await Deno.symlink(npmCache, join(cache, "npm"));
  const project = join(folder.path, "project");
  await Deno.mkdir(project);
  const imports = {
    [config.name]: `jsr:${config.name}@^${config.version}`,
    hono: config.imports.hono,
  };
  await Deno.writeTextFile(join(project, "deno.json"), JSON.stringify({ imports }));
  const deno = async (args: readonly string[], cwd: string): Promise<string> => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd,
      signal: AbortSignal.timeout(240_000),
      env: {
        ...{ JSR_URL: registry.url, DENO_DIR: cache, NO_COLOR: "1" },
        LLM_TRAINING_HOME: join(cwd, "home"),
      },
    }).output();
    const [printed, messages] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.equal(code, 0, `${args.join(" ")}\n${messages}\n${printed}`);
    return printed!;
  };
  for (const { path, program, output } of pages) {
    await t.step(path, async () => {
      const place = join(project, path.replace(/^docs\/api\/(.*)\.md$/, "$1").replaceAll("/", "_"));
      await Deno.mkdir(place);
      await Deno.writeTextFile(join(place, "main.ts"), program);
      const printed = await deno(["run", "--quiet", "-A", "main.ts"], place);
      assert.notEqual(printed, "");
      if (output !== undefined) assert.equal(printed, output);
      if (path.endsWith("training_daemon.md")) assert.match(printed, / succeeded: /);
    });
  }
  await t.step("and their types are right", async () => {
    await deno(["check", "--quiet", "."], project);
  });
});
