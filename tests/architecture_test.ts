import assert from "node:assert/strict";
import config from "../deno.json" with { type: "json" };
import { importsOf, readSources, type SourceFile, withoutComments } from "./source_files.ts";

/** The rooms of `src/`, bottom to top: each may import itself and those before it. */
const ROOMS = [
  "utils",
  "engine",
  "models",
  "datasets",
  "inference",
  "skills",
  "management",
  "monitoring",
  "core",
  "dashboard",
  "cli",
];

/**
 * Inside some rooms, which folders a folder may import besides itself; "." is the files that lie in no folder.
 * A room's `mod.ts` may import all of them.
 */
const FOLDERS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  engine: {
    tensor: [],
    onnx: ["tensor"],
    graph: ["tensor", "onnx"],
    runtime: ["tensor", "onnx"],
  },
  models: {
    gguf: [],
    tokenizer: ["gguf"],
    hub: ["gguf"],
    adapters: ["hub", "."],
    checkpoint: ["adapters", "hub"],
    export: [".", "gguf", "tokenizer", "hub", "stored"],
    ".": ["hub"],
    stored: ["adapters", "checkpoint", "hub", "tokenizer", "."],
  },
  inference: {
    generation: [],
    onnx_export: [],
    keys: [],
    constraints: [".", "generation", "tools"],
    tools: [],
    embeddings: [".", "generation"],
    hosting: [".", "generation"],
    http: [".", "generation", "keys", "tools", "constraints", "hosting"],
    ".": ["generation", "constraints", "embeddings", "http", "keys", "tools", "hosting"],
  },
  management: {
    job_queue: [],
    retention: [],
    backup: [],
    ".": ["retention", "backup"],
  },
  monitoring: {
    evaluation: [],
    comparison: ["evaluation"],
    deployment: ["evaluation", "."],
    ".": ["evaluation", "comparison", "deployment"],
    runs: [],
    plots: ["runs"],
    trackers: ["runs"],
  },
  core: {
    training: [],
    daemon: ["training"],
    ".": ["training", "daemon"],
  },
};

/** Files outside `cli/` that are programs too: at their last line they take arguments and set the exit status. */
const ENTRY_POINTS = [
  "cli.ts",
  "server.ts",
  "src/core/train.ts",
  "src/core/training_daemon.ts",
  "src/inference/server.ts",
];
const MAIN_LINE =
  /^if \(import\.meta\.main\) (?:Deno\.exit\(await main\(Deno\.args.*\)\)|main\(Deno\.args\)\.then\(Deno\.exit\));$/gm;

/** What the `main` of an entry point imports to hand over to the command line, when it is called. */
const HAND_OVER = "src/cli/main.ts";

/** Files that set a variable for a library which has no option for it. */
const SETS_ENVIRONMENT = [
  "src/engine/runtime/gpu_adapter.ts",
  "src/engine/runtime/native_binding.ts",
];

/** Files that load modules which people name, or which the executable has in files of their own. */
const LOADS_NAMED_MODULES = [
  "src/skills/load_module.ts",
  "src/inference/embeddings/transformers_js.ts",
];

const OUTSIDE_WORLD =
  /\bDeno\.(?:args|env|exit|exitCode)\b|\bprocess\.(?:argv|env|exit|stdout|stderr)\b|\bconsole\./;

const MAX_LINES = 400;

/** Returns what is wrong with what `file` imports. */
function forbiddenImports(file: SourceFile): string[] {
  return importsOf(file).flatMap(({ specifier, target, dynamic }) => {
    const problem = target === undefined
      ? packageProblem(specifier)
      : pathProblem(file.path, target, dynamic);
    return problem === undefined ? [] : [`${file.path} imports "${specifier}": ${problem}`];
  });
}

function packageProblem(specifier: string): string | undefined {
  if (specifier.startsWith("node:")) return undefined;
  const { name, imports } = config;
  if (specifier === name || specifier.startsWith(`${name}/`)) return undefined;
  // a line of its own for what is in a package: deno.json as an import map for URLs has no other way to say it
  const known = Object.keys(imports);
  if (known.some((key) => key.endsWith("/") ? specifier.startsWith(key) : specifier === key)) {
    return undefined;
  }
  return "packages are named in deno.json, and once more with a slash where files of them are imported";
}

function pathProblem(from: string, to: string, dynamic: boolean): string | undefined {
  if (to.startsWith("..")) return "it lies outside the project";
  if (!from.startsWith("src/")) return undefined;
  if (!/^(?:(?:src|configs)\/|deno\.json$)/.test(to)) return "it is no source of the program";
  if (!to.startsWith("src/")) return undefined;
  if (to === HAND_OVER && dynamic && ENTRY_POINTS.includes(from)) return undefined;
  const [room, folder] = placeOf(from);
  const [otherRoom, otherFolder] = placeOf(to);
  if (ROOMS.indexOf(otherRoom) > ROOMS.indexOf(room)) return `"${otherRoom}" is above "${room}"`;
  const allowed = room === otherRoom && from !== `src/${room}/mod.ts` ? FOLDERS[room] : undefined;
  if (allowed === undefined || folder === otherFolder) return undefined;
  return allowed[folder]?.includes(otherFolder)
    ? undefined
    : `"${otherFolder}" is not open to "${folder}" of "${room}"`;
}

/** Returns the room of a path and its folder there. */
function placeOf(path: string): [room: string, folder: string] {
  const [, room, ...rest] = path.split("/");
  return [room!, rest.length > 1 ? rest[0]! : "."];
}

const program = await readSources(["src"]);
const everything = await readSources(["src", "tests", "tools"]);

Deno.test("every source lies in a room, and in a folder of it, that the tables know", () => {
  for (const { path } of program.filter(({ path }) => path.startsWith("src/"))) {
    const [room, folder] = placeOf(path);
    assert.ok(ROOMS.includes(room), `${path}: there is no room "${room}"`);
    const folders = FOLDERS[room];
    const known = folders === undefined || path === `src/${room}/mod.ts` || folder in folders;
    assert.ok(known, `${path}: the room "${room}" has no folder "${folder}"`);
  }
});

Deno.test("imports go down: to the same room or one below it, never out of the project", () => {
  assert.deepEqual(everything.flatMap(forbiddenImports), []);
});

Deno.test("a dynamic import has a literal specifier, so that the executable contains it", () => {
  for (const { path, text } of program.filter(({ path }) => !LOADS_NAMED_MODULES.includes(path))) {
    const computed = withoutComments(text).match(/\bimport\((?!\s*["'])[^)]*/)?.[0];
    assert.equal(computed, undefined, path);
  }
});

Deno.test("only the command line and the last line of an entry point touch arguments, environment, exit and console", () => {
  for (const { path, text } of program) {
    if (path.startsWith("src/cli/") || SETS_ENVIRONMENT.includes(path)) continue;
    const code = withoutComments(text);
    const rest = ENTRY_POINTS.includes(path) ? code.replaceAll(MAIN_LINE, "") : code;
    assert.equal(rest.match(OUTSIDE_WORLD)?.[0], undefined, path);
  }
});

Deno.test(`no source has more than ${MAX_LINES} lines`, () => {
  for (const { path, text } of everything) {
    const lines = text.split("\n").length - 1;
    assert.ok(lines <= MAX_LINES, `${path} has ${lines} lines`);
  }
});

Deno.test("the rules find every way to break them", () => {
  const cases: readonly [path: string, text: string, problem: RegExp][] = [
    ["src/utils/a.ts", 'import { x } from "../engine/x.ts";', /"engine" is above "utils"/],
    ["src/utils/a.ts", 'import type { X } from "../cli/x.ts";', /"cli" is above/],
    ["src/utils/a.ts", 'export {\n  x,\n} from "../core/x.ts";', /"core" is above/],
    ["src/models/a.ts", 'const x = await import("../skills/x.ts");', /"skills" is above/],
    ["src/core/train.ts", 'import { main } from "../cli/main.ts";', /"cli" is above/],
    ["src/core/a.ts", 'await import("../cli/main.ts");', /"cli" is above/],
    ["src/core/a.ts", 'new Worker(new URL("../cli/w.ts", import.meta.url));', /"cli" is above/],
    ["src/engine/runtime/a.ts", 'import "../graph/x.ts";', /"graph" is not open to "runtime"/],
    ["src/engine/graph/a.ts", 'import "../runtime/x.ts";', /"runtime" is not open to "graph"/],
    ["src/utils/a.ts", 'import "../../tests/x.ts";', /no source of the program/],
    ["tests/a.ts", 'import "../../elsewhere/x.ts";', /outside the project/],
    ["tests/a.ts", 'import x from "npm:hono@4";', /deno\.json/],
    ["tests/a.ts", 'import x from "yaml/util";', /with a slash/],
    ["mod.ts", 'import x from "https://example.org/x.ts";', /deno\.json/],
  ];
  for (const [path, text, problem] of cases) {
    assert.match(forbiddenImports({ path, text }).join(), problem, text);
  }
  assert.deepEqual(
    forbiddenImports({ path: "src/core/train.ts", text: 'await import("../cli/main.ts");' }),
    [],
  );
});
