import assert from "node:assert/strict";
import { join } from "node:path";
import { RELEASE_PLATFORMS } from "../../src/cli/release_platform.ts";
import { writeZip } from "../../src/utils/archive/zip.ts";
import { TARGETS } from "../../tools/compile/targets.ts";
import { billOfMaterials } from "../../tools/release/bill_of_materials.ts";
import { changelogSection } from "../../tools/release/changelog.ts";
import { addInstallers } from "../../tools/release/installers.ts";
import { bundledPackages, describePackages, type Package } from "../../tools/release/packages.ts";
import { TRIPLES } from "../../tools/release/platforms.ts";
import { ReleaseFolder } from "../../tools/release/release_folder.ts";
import { findRuntime, NoRuntimeError } from "../../tools/release/runtime.ts";
import { sha256 } from "../../tools/release/sha256.ts";
import { isElf, stripSymbols } from "../../tools/release/strip_symbols.ts";
import { releaseSummary } from "../../tools/release/summary.ts";
import { thirdPartyLicenses } from "../../tools/release/third_party.ts";
import { python, testWithPackage } from "../python.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { serveFiles, unreachableUrl } from "./fake_release.ts";

const root = new URL("../..", import.meta.url).pathname;

Deno.test("every platform of a release can be compiled for", () => {
  for (const platform of RELEASE_PLATFORMS) assert.ok(TRIPLES[platform] in TARGETS, platform);
});

Deno.test("changelogSection() returns what is under the version's heading", () => {
  const changelog =
    "# Changelog\n\n## 1.1.0 (pending)\n\n- b\n\n### Fixed\n\n- c\n\n## 1.1\n\n- a\n";
  assert.equal(changelogSection(changelog, "1.1.0"), "- b\n\n### Fixed\n\n- c\n");
  assert.equal(changelogSection(changelog, "1.1"), "- a\n");
  assert.throws(() => changelogSection(changelog, "1.0.0"), /nothing under "## 1\.0\.0"; add that/);
  assert.throws(() => changelogSection("## 1.0.0\n\n## 0.9", "1.0.0"), /says nothing/);
});

Deno.test({
  name: "stripSymbols() leaves a program that runs",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await temporaryFolder();
    const whole = new Uint8Array(await Deno.readFile("/bin/ls"));
    assert.ok(isElf(whole));
    const stripped = stripSymbols(whole);
    assert.ok(stripped.length < whole.length);
    assert.deepEqual(stripSymbols(stripped), stripped);
    const path = join(folder.path, "ls");
    await Deno.writeFile(path, stripped, { mode: 0o755 });
    const { success, stdout } = await new Deno.Command(path, { args: [folder.path] }).output();
    assert.ok(success);
    assert.equal(new TextDecoder().decode(stdout), "ls\n");
    assert.ok(!isElf(new TextEncoder().encode("MZ")));
    const damaged = whole.slice(0, whole.length >> 1);
    assert.throws(() => stripSymbols(damaged), /table of sections is damaged/);
  },
});

Deno.test("findRuntime() downloads from Deno's server, checks and keeps what it got", async () => {
  await using folder = await temporaryFolder();
  const triple = "x86_64-pc-windows-msvc";
  const bytes = new TextEncoder().encode("MZ denort");
  const zip = await writeZip([{ name: "denort.exe", bytes }], { modifiedSeconds: 0 });
  const served = join(folder.path, `v${Deno.version.deno}`);
  await Deno.mkdir(served);
  await Deno.writeFile(join(served, `denort-${triple}.zip`), zip);
  const sum = join(served, `denort-${triple}.zip.sha256sum`);
  const cache = join(folder.path, "cache");
  {
    await using server = await serveFiles(folder.path);
    const options = { url: server.url, folder: cache };
    await Deno.writeTextFile(sum, `${"0".repeat(64)}  denort.zip\n`);
    await assert.rejects(findRuntime(triple, options), /SHA-256 [0-9a-f]{64}, not 0{64}/);
    const hash = sha256(zip).toUpperCase(); // the form of those for Windows
    await Deno.writeTextFile(
      sum,
      `\r\nAlgorithm : SHA256\r\nHash      : ${hash}\r\nPath      : C:\\a\r\n`,
    );
    const path = await findRuntime(triple, options);
    assert.deepEqual(new Uint8Array(await Deno.readFile(path)), bytes);
    await assert.rejects(
      findRuntime("riscv64", options),
      (error) => error instanceof NoRuntimeError && /cannot download .*: 404/.test(error.message),
    );
  }
  await findRuntime(triple, { url: unreachableUrl(), folder: cache }); // it was kept
  await assert.rejects(
    findRuntime("riscv64", { url: unreachableUrl(), folder: cache }),
    NoRuntimeError,
  );
});

Deno.test("findRuntime() asks a program, and says what it answers", async () => {
  await using folder = await temporaryFolder();
  const program = join(folder.path, "denort");
  const lines = ["#!/bin/sh", '[ "$2" = known ] && echo /path/denort && exit', "echo no $2 >&2"];
  await Deno.writeTextFile(program, [...lines, "exit 1"].join("\n"), { mode: 0o755 });
  const options = { program, folder: folder.path };
  assert.equal(await findRuntime("known", options), "/path/denort");
  await assert.rejects(findRuntime("other", options), {
    name: "NoRuntimeError",
    message: "no other",
  });
});

Deno.test("describePackages() knows licence and checksum of what a bundle comes from", async () => {
  await using folder = await temporaryFolder();
  const comments = [
    "// ../../cache/deno/npm/registry.npmjs.org/hono/4.13.19/dist/hono.js",
    "// C:/cache/deno/npm/registry.npmjs.org/@huggingface/jinja/0.5.11/dist/index.js",
    "// src/cli/main.ts",
  ];
  await Deno.mkdir(join(folder.path, "inner"));
  await Deno.writeTextFile(join(folder.path, "inner", "a.js"), comments.join("\nlet x;\n"));
  const names = await bundledPackages(folder.path);
  assert.deepEqual([...names].toSorted(), ["@huggingface/jinja@0.5.11", "hono@4.13.19"]);
  const packages = await describePackages(names, root);
  const lock = JSON.parse(await Deno.readTextFile(join(root, "deno.lock")));
  assert.deepEqual(
    packages.map(({ name, license, integrity }) => [name, license, integrity]),
    [
      ["@huggingface/jinja", "MIT", lock.npm["@huggingface/jinja@0.5.11"].integrity],
      ["hono", "MIT", lock.npm["hono@4.13.19"].integrity],
    ],
  );
  assert.match(thirdPartyLicenses(packages), /^hono 4\.13\.19\nLicence: MIT\n\n.*MIT License/ms);
  await assert.rejects(describePackages(new Set(["left-pad@1.0.0"]), root), /"left-pad@1\.0\.0"/);
});

const packages: readonly Package[] = [
  {
    name: "@scope/a",
    version: "1.0.0-1",
    integrity: `sha512-${btoa("x".repeat(64))}`,
    license: "(MIT OR Apache-2.0)",
    dependencies: ["b@2.0.0", "unbundled@1.0.0"],
  },
  {
    name: "b",
    version: "2.0.0",
    integrity: `sha512-${btoa("y".repeat(64))}`,
    license: "SEE LICENSE IN README.md AND LICENSE",
    dependencies: [],
  },
];
const bill = billOfMaterials({
  version: "1.2.3",
  executable: { name: "llm-training", platform: "linux-x64", sha256: sha256("executable") },
  packages,
  madeSeconds: 1_700_000_000,
});

Deno.test("billOfMaterials() lists packages with licence, checksum and what they depend on", () => {
  const { components, dependencies, metadata } = JSON.parse(bill);
  assert.equal(metadata.timestamp, "2023-11-14T22:13:20.000Z");
  assert.deepEqual(components.map(({ purl }: { purl: string }) => purl), [
    `pkg:github/denoland/deno@v${Deno.version.deno}`,
    "pkg:npm/%40scope/a@1.0.0-1",
    "pkg:npm/b@2.0.0",
  ]);
  assert.equal(components[1].hashes[0].content, "78".repeat(64));
  assert.deepEqual(dependencies[1].dependsOn, ["pkg:npm/b@2.0.0"]);
});

testWithPackage("billOfMaterials() holds to the schema of CycloneDX", "cyclonedx", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "bill.json");
  await Deno.writeTextFile(path, bill);
  const program = [
    "import json, sys",
    "from cyclonedx.schema import SchemaVersion",
    "from cyclonedx.validation.json import JsonStrictValidator",
    "problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())",
    "print(json.dumps(problem and str(problem)))",
  ];
  assert.equal(await python(program.join("\n"), [path]), null);
});

Deno.test("ReleaseFolder lists what it holds, and takes an earlier release away", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await Deno.writeTextFile(join(path, "mine.txt"), "not of a release");
  for (const names of [["a.zip", "b.zip"], ["b.zip"]]) {
    const output = await ReleaseFolder.open(path);
    for (const name of names) await output.addChecksum(await output.add(name, name));
    await output.close();
  }
  const left = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  assert.deepEqual(left.toSorted(), ["SHA256SUMS", "b.zip", "b.zip.sha256", "mine.txt"]);
  assert.equal(await Deno.readTextFile(join(path, "b.zip.sha256")), `${sha256("b.zip")}  b.zip\n`);
});

Deno.test("addInstallers() writes the release's place into the installers", async () => {
  await using folder = await temporaryFolder();
  const output = await ReleaseFolder.open(folder.path);
  await addInstallers(output, { root, baseUrl: "https://host/releases/" });
  const sh = await Deno.readTextFile(join(folder.path, "install.sh"));
  assert.match(sh, /^default_base_url='https:\/\/host\/releases'$/m);
  const ps1 = await Deno.readTextFile(join(folder.path, "install.ps1"));
  assert.match(ps1, /^\$DefaultBaseUrl = 'https:\/\/host\/releases'$/m);
  await assert.rejects(addInstallers(output, { root, baseUrl: "https://h/'; rm x" }), RangeError);
});

Deno.test("releaseSummary() names what was not built, and why", () => {
  const summary = releaseSummary({
    name: "llm-training",
    version: "1.2.3",
    deno: "2.9.6",
    files: [],
    builds: [
      { platform: "macos-x64", triple: "x", built: false, reason: "no runtime to be had: 404" },
    ],
  });
  assert.match(summary, /^macos-x64 {4}NOT BUILT: no runtime to be had: 404$/m);
  assert.match(summary, /0 of 1 platforms/);
});
