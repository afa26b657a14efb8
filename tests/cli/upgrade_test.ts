import assert from "node:assert/strict";
import { join } from "node:path";
import { compareVersions } from "../../src/cli/compare_versions.ts";
import { downloadExecutable, findRelease } from "../../src/cli/release_download.ts";
import { releasePlatform } from "../../src/cli/release_platform.ts";
import { releaseFolders } from "../../src/cli/release_source.ts";
import { replaceExecutable } from "../../src/cli/replace_executable.ts";
import { UserError } from "../../src/utils/errors.ts";
import {
  corrupt,
  cutOff,
  listing,
  platform,
  serveFiles,
  type Tamper,
  unreachableUrl,
  writeFakeRelease,
} from "../release/fake_release.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { cliCommand, runCli } from "./run_cli.ts";

const executable = Deno.env.get("LLM_TRAINING_BIN");

/** A test that starts shell scripts. */
function testOnUnix(name: string, fn: () => Promise<void>): void {
  const ignore = Deno.build.os === "windows";
  Deno.test({ name: ignore ? `${name} (skipped: Windows)` : name, ignore, fn });
}

const script = (text: string) => new TextEncoder().encode(`#!/bin/sh\n${text}\n`);

async function run(path: string): Promise<string> {
  const { stdout } = await new Deno.Command(path).output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("compareVersions() orders versions as Semantic Versioning has them", () => {
  const sorted = [
    ...["0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2"],
    ...["1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.10", "1.1.0", "2.0.0"],
  ];
  for (const [i, a] of sorted.entries()) {
    for (const [j, b] of sorted.entries()) {
      assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} and ${b}`);
    }
  }
  assert.equal(compareVersions("1.0.0+a", "1.0.0+b"), 0);
  assert.throws(() => compareVersions("1.0", "1.0.0"), /"1\.0" is none; give one like 1\.2\.3/);
});

Deno.test("releasePlatform() names the machines that releases are made for", () => {
  assert.equal(releasePlatform({ os: "darwin", arch: "aarch64" }), "macos-arm64");
  assert.equal(releasePlatform({ os: "windows", arch: "x86_64" }), "windows-x64");
  assert.equal(releasePlatform({ os: "freebsd", arch: "x86_64" }), undefined);
});

Deno.test("releaseFolders() names where GitHub keeps a version, and where others may", () => {
  const github = "https://github.com/owner/name/releases";
  assert.deepEqual(releaseFolders(`${github}/latest/download/`), [`${github}/latest/download`]);
  assert.deepEqual(releaseFolders(`${github}/latest/download`, "1.2.3"), [
    `${github}/download/v1.2.3`,
  ]);
  assert.deepEqual(releaseFolders("http://host/x/", "1.2.3"), [
    "http://host/x/v1.2.3",
    "http://host/x",
  ]);
});

testOnUnix("findRelease() and downloadExecutable() read servers and folders alike", async () => {
  await using folder = await temporaryFolder();
  await writeFakeRelease(join(folder.path, "v1.2.2"), { version: "1.2.2" });
  await writeFakeRelease(folder.path, { version: "1.2.3" });
  await using server = await serveFiles(folder.path);
  for (const base of [server.url, folder.path, `file://${folder.path}`]) {
    for (const version of [undefined, "1.2.2", "1.2.3"]) {
      const found = await findRelease(releaseFolders(base, version), { platform, version });
      assert.equal(found.version, version ?? "1.2.3");
      const bytes = await downloadExecutable(found, { platform });
      assert.equal(new TextDecoder().decode(bytes), `#!/bin/sh\necho ${found.version}\n`);
    }
    await assert.rejects(
      findRelease(releaseFolders(base, "9.9.9"), { platform, version: "9.9.9" }),
      /Cannot find version 9\.9\.9 at .*: its release is 1\.2\.3; choose that, or another/,
    );
  }
  const other = platform === "macos-x64" ? "linux-x64" : "macos-x64";
  await assert.rejects(
    findRelease([server.url], { platform: other }),
    new RegExp(`no executable for ${other}; it has ${platform}`),
  );
});

testOnUnix("downloadExecutable() refuses what is damaged or cut off", async () => {
  await using folder = await temporaryFolder();
  await writeFakeRelease(folder.path, { version: "1.2.3" });
  const cases: readonly [Tamper, RegExp][] = [
    [corrupt, /damaged on its way .*; nothing was changed, try again$/],
    [cutOff, /^Cannot download http.*; nothing was changed, try again$/],
  ];
  for (const [tamper, message] of cases) {
    await using server = await serveFiles(folder.path, tamper);
    const found = await findRelease([server.url], { platform });
    await assert.rejects(downloadExecutable(found, { platform }), { name: "UserError", message });
  }
});

Deno.test("findRelease() says what is wrong without a network, or with another server", async () => {
  await assert.rejects(
    findRelease([unreachableUrl()], { platform: "linux-x64" }),
    /^UserError: Cannot read the release at http.*; look at --base-url and the network$/,
  );
  await using folder = await temporaryFolder();
  for (const text of ["<html>", "{}", '{"name":"llm-training","version":"1.0.0","builds":{}}']) {
    await Deno.writeTextFile(join(folder.path, "manifest.json"), text);
    await assert.rejects(findRelease([folder.path], { platform: "linux-x64" }), UserError);
  }
});

testOnUnix("replaceExecutable() replaces a program once the new one answers", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "program");
  await Deno.writeFile(path, script("echo 1.0.0"), { mode: 0o755 });
  const bad: readonly [string, RegExp][] = [
    ["echo 1.0.1", /does not answer that it is 1\.1\.0, but says "1\.0\.1"; the old one was kept/],
    ["echo no library >&2; exit 1", /but says "no library"; the old one was kept$/],
    ["kill -9 $$", /does not answer that it is 1\.1\.0; the old one was kept$/],
  ];
  for (const [text, message] of bad) {
    await assert.rejects(
      replaceExecutable(path, { bytes: script(text), version: "1.1.0" }),
      { name: "UserError", message },
    );
    assert.deepEqual(await listing(folder.path), ["program"]);
    assert.equal(await run(path), "1.0.0");
  }
  await replaceExecutable(path, { bytes: script("echo 1.1.0"), version: "1.1.0" });
  assert.equal(await run(path), "1.1.0");
  assert.deepEqual(await listing(folder.path), ["program"]);
});

testOnUnix("replaceExecutable() says that a folder cannot be written to", async () => {
  const path = "/proc/llm-training";
  await assert.rejects(
    replaceExecutable(path, { bytes: script("echo 1.0.0"), version: "1.0.0" }),
    { name: "UserError", message: /^Cannot write "\/proc"/ },
  );
});

testOnUnix("upgrade --check says whether there is something newer", async () => {
  await using folder = await temporaryFolder();
  await writeFakeRelease(folder.path, { version: "99.0.0" });
  const newer = await runCli(["upgrade", "--check", "--base-url", folder.path]);
  assert.deepEqual([newer.status, newer.stderr], [0, ""]);
  assert.match(
    newer.stdout,
    /^llm-training 99\.0\.0 is there \(this is .*\), a download of .*: llm-training upgrade$/m,
  );
  await writeFakeRelease(folder.path, { version: "0.0.1" });
  const older = await runCli(["upgrade", "--check", "--json"], {
    env: { LLM_TRAINING_BASE_URL: folder.path },
  });
  const { installed, available, upgraded } = JSON.parse(older.stdout);
  assert.deepEqual([available, upgraded], ["0.0.1", false]);
  assert.notEqual(installed, available);
});

Deno.test({
  name: executable === undefined
    ? "upgrade leaves a source as it is"
    : "upgrade leaves a source as it is (skipped: an executable is tested)",
  ignore: executable !== undefined,
  async fn() {
    const { status, stderr } = await runCli(["upgrade", "--base-url", "/nowhere"]);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /Cannot upgrade: this program runs from its source.*new source instead$/m,
    );
  },
});

Deno.test({
  name: executable !== undefined
    ? "upgrade replaces the executable that runs, and keeps it when the download is bad"
    : "upgrade replaces the executable that runs (skipped: $LLM_TRAINING_BIN names no executable)",
  ignore: executable === undefined || Deno.build.os === "windows",
  async fn() {
    await using home = await temporaryFolder();
    await using release = await temporaryFolder();
    await writeFakeRelease(release.path, { version: "99.0.0" });
    const path = join(home.path, "llm-training");
    await Deno.copyFile(cliCommand()[0], path);
    await Deno.symlink("llm-training", join(home.path, "llm-train"));
    const { size } = await Deno.stat(path);
    const upgrade = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(path, {
        args: ["upgrade", ...args],
        env: { HOME: home.path, NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      return { code, text };
    };
    for (const tamper of [corrupt, cutOff]) {
      await using server = await serveFiles(release.path, tamper);
      const { code, text } = await upgrade("--base-url", server.url);
      assert.deepEqual([code, (await Deno.stat(path)).size], [1, size], text);
      assert.match(text, /nothing was changed, try again/);
    }
    assert.equal((await upgrade("--base-url", unreachableUrl())).code, 1);
    await using server = await serveFiles(release.path);
    const { code, text } = await upgrade("--base-url", server.url);
    assert.equal(code, 0, text);
    assert.match(text, /llm-training 99\.0\.0 is in the place of /);
    assert.equal(await run(join(home.path, "llm-train")), "99.0.0");
    assert.deepEqual(await listing(home.path), ["llm-train -> llm-training", "llm-training"]);
  },
});
