import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../temporary_folder.ts";
import {
  corrupt,
  cutOff,
  listing,
  serveFiles,
  unreachableUrl,
  writeFakeRelease,
} from "./fake_release.ts";

const script = fileURLToPath(new URL("../../install.sh", import.meta.url));
const windows = Deno.build.os === "windows";

function testInstall(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: windows ? `${name} (skipped: Windows)` : name, ignore: windows, fn });
}

/** What an installation leaves in the folder `bin`. */
const INSTALLED = [
  "bin/llm-daemon -> llm-training",
  "bin/llm-inference -> llm-training",
  "bin/llm-train -> llm-training",
  "bin/llm-training",
];

interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `install.sh` in the folder `home` with nothing else in its environment. */
async function install(
  home: string,
  args: readonly string[],
  path = Deno.env.get("PATH")!,
): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(
    Deno.env.get("LLM_TRAINING_SH") ?? "/bin/sh",
    {
      args: [script, ...args],
      cwd: home,
      clearEnv: true,
      env: { HOME: home, PATH: path, TMPDIR: home },
    },
  ).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { status: code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs an installed program and returns what it prints. */
async function run(path: string): Promise<string> {
  const { stdout } = await new Deno.Command(path).output();
  return new TextDecoder().decode(stdout).trim();
}

async function succeed(home: string, args: readonly string[], path?: string): Promise<string> {
  const { status, stdout, stderr } = await install(home, args, path);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, "");
  return stdout;
}

/** A `PATH` on which there is neither the program `without` nor anything that has no need to be there. */
async function pathWithout(folder: string, without: string): Promise<string> {
  const bin = join(folder, "tools");
  await Deno.mkdir(bin);
  const tools = [
    ...["uname", "tar", "gzip", "sha256sum", "mktemp", "rm", "rmdir", "mkdir", "ln", "mv", "sed"],
    ...["cut", "chmod", "cp", "cat", "tail", "dirname", "readlink", "id", "grep", "curl", "wget"],
  ];
  for (const tool of tools.filter((tool) => tool !== without)) {
    for (const from of Deno.env.get("PATH")!.split(":")) {
      if (await Deno.stat(join(from, tool)).then(() => true, () => false)) {
        await Deno.symlink(join(from, tool), join(bin, tool));
        break;
      }
    }
  }
  return bin;
}

testInstall("install.sh installs from a server, and uninstalls all of it", async () => {
  await using release = await temporaryFolder();
  await using home = await temporaryFolder();
  await writeFakeRelease(release.path, { version: "1.2.3" });
  await using server = await serveFiles(release.path);
  const bin = join(home.path, "bin");
  const said = await succeed(home.path, ["--base-url", `${server.url}/`, "--dir", bin]);
  assert.match(said, /^Installed llm-training 1\.2\.3 in .*, also as llm-train, llm-daemon, llm/m);
  assert.match(said, new RegExp(`export PATH="${bin}:\\$PATH"`));
  const made = (await listing(home.path)).filter((path) => path !== "bin/.llm-training-install");
  assert.deepEqual(made, ["bin", ...INSTALLED]);
  assert.equal(await run(join(bin, "llm-train")), "1.2.3");
  await Deno.mkdir(join(home.path, ".cache", "llm-training", "native-0"), { recursive: true });
  await succeed(home.path, ["--uninstall", "--dir", bin]);
  assert.deepEqual(await listing(home.path), []);
});

testInstall(
  "install.sh installs into ~/.local/bin, and says nothing of PATH where that is in it",
  async () => {
    await using release = await temporaryFolder();
    await using home = await temporaryFolder();
    await writeFakeRelease(release.path, { version: "1.2.3" });
    const bin = join(home.path, ".local", "bin");
    const path = `${bin}:${Deno.env.get("PATH")}`;
    const said = await succeed(home.path, ["--base-url", release.path], path);
    assert.match(said, /Next: llm-training --help/);
    assert.equal(await run(join(bin, "llm-inference")), "1.2.3");
    const runs = join(home.path, ".local", "share", "llm-training", "runs");
    await Deno.mkdir(runs, { recursive: true });
    assert.match(await succeed(home.path, ["--uninstall"]), /models and runs stay in .*--purge/);
    assert.deepEqual((await listing(home.path)).at(-1), ".local/share/llm-training/runs");
    await succeed(home.path, ["--base-url", release.path]);
    await succeed(home.path, ["--uninstall", "--purge"]);
    assert.deepEqual(await listing(home.path), []);
  },
);

for (const tool of ["curl", "wget"]) {
  testInstall(`install.sh does without ${tool}`, async () => {
    await using release = await temporaryFolder();
    await using home = await temporaryFolder();
    await using tools = await temporaryFolder();
    await writeFakeRelease(release.path, { version: "1.2.3" });
    await using server = await serveFiles(release.path);
    const path = await pathWithout(tools.path, tool);
    await succeed(home.path, ["--base-url", server.url, "--dir", "bin"], path);
    assert.equal(await run(join(home.path, "bin", "llm-training")), "1.2.3");
    await Deno.remove(join(tools.path, "tools", tool === "curl" ? "wget" : "curl"));
    const { status, stderr } = await install(home.path, ["--base-url", server.url], path);
    assert.equal(status, 1);
    assert.match(stderr, /neither curl nor wget is here: install one, or give --base-url a folder/);
  });
}

const FAILURES = [
  { name: "a corrupted download", tamper: corrupt, says: /damaged on its way .*try again/ },
  { name: "a download that is cut off", tamper: cutOff, says: /cannot download .*tar\.gz: .*/ },
  {
    name: "a release without checksums",
    tamper: (bytes: Uint8Array<ArrayBuffer>, name: string) =>
      name === "SHA256SUMS" ? new Uint8Array() : bytes,
    says: /has no executable for/,
  },
];

for (const { name, tamper, says } of FAILURES) {
  testInstall(`install.sh keeps what was installed after ${name}`, async () => {
    await using release = await temporaryFolder();
    await using home = await temporaryFolder();
    await writeFakeRelease(release.path, { version: "1.2.3" });
    await using bad = await serveFiles(release.path, tamper);
    const first = await install(home.path, ["--base-url", bad.url, "--dir", "a/b/bin"]);
    assert.equal(first.status, 1);
    assert.match(first.stderr, says);
    assert.equal(first.stderr.trim().split("\n").length, 1);
    assert.deepEqual(await listing(home.path), [], "nothing is left of it");
    await succeed(home.path, ["--base-url", release.path, "--dir", "bin"]);
    const before = await listing(home.path);
    await writeFakeRelease(release.path, { version: "1.2.4" });
    assert.equal((await install(home.path, ["--base-url", bad.url, "--dir", "bin"])).status, 1);
    assert.deepEqual(await listing(home.path), before);
    assert.equal(await run(join(home.path, "bin", "llm-training")), "1.2.3");
  });
}

testInstall("install.sh says what is wrong without a network, and leaves nothing", async () => {
  await using home = await temporaryFolder();
  const { status, stderr } = await install(home.path, ["--base-url", unreachableUrl()]);
  assert.equal(status, 1);
  assert.match(stderr, /^install\.sh: cannot read the release at http:.*; look at --base-url and/);
  assert.deepEqual(await listing(home.path), []);
});

testInstall("install.sh replaces nothing by a program that does not start", async () => {
  await using release = await temporaryFolder();
  await using home = await temporaryFolder();
  await writeFakeRelease(release.path, { version: "1.2.3" });
  await succeed(home.path, ["--base-url", release.path, "--dir", "bin"]);
  const program = "#!/bin/sh\necho 'libx.so is missing' >&2\nexit 127\n";
  await writeFakeRelease(release.path, { version: "1.2.4", program });
  const { status, stderr } = await install(home.path, [
    ...["--base-url", release.path, "--dir", "bin"],
  ]);
  assert.equal(status, 1);
  assert.match(stderr, /does not start here: libx\.so is missing; nothing was installed/);
  assert.equal(await run(join(home.path, "bin", "llm-training")), "1.2.3");
});

testInstall("install.sh finds a version in its folder, or says which there is", async () => {
  await using release = await temporaryFolder();
  await using home = await temporaryFolder();
  await writeFakeRelease(join(release.path, "v1.2.2"), { version: "1.2.2" });
  await writeFakeRelease(release.path, { version: "1.2.3" });
  await using server = await serveFiles(release.path);
  for (const version of ["1.2.2", "v1.2.3", "1.2.2"]) {
    const args = ["--base-url", server.url, "--dir", "bin", `--version=${version}`];
    await succeed(home.path, args);
    assert.equal(await run(join(home.path, "bin", "llm-train")), version.replace("v", ""));
  }
  const args = ["--base-url", server.url, "--dir", "bin", "--version", "9.9.9"];
  const { status, stderr } = await install(home.path, args);
  assert.equal(status, 1);
  assert.match(stderr, /there is no version 9\.9\.9 at .*: its release is 1\.2\.3/);
});

testInstall("install.sh leaves alone what is not its own", async () => {
  await using release = await temporaryFolder();
  await using home = await temporaryFolder();
  await writeFakeRelease(release.path, { version: "1.2.3" });
  await Deno.mkdir(join(home.path, "bin"));
  await Deno.writeTextFile(join(home.path, "bin", "llm-train"), "another program");
  const refused = await install(home.path, ["--base-url", release.path, "--dir", "bin"]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /llm-train is there and is not ours: remove it, or choose another/);
  assert.deepEqual(await listing(home.path), ["bin", "bin/llm-train"]);
  const none = await install(home.path, ["--uninstall", "--dir", "bin"]);
  assert.match(none.stderr, /there is no llm-training in .*: name its folder by --dir/);
  assert.equal(none.status, 1);
});

testInstall("install.sh does nothing when its own download was cut off", async () => {
  await using home = await temporaryFolder();
  const text = await Deno.readTextFile(script);
  for (const part of [0.3, 0.6, 0.9, 0.999]) {
    const cut = join(home.path, "cut.sh");
    await Deno.writeTextFile(cut, text.slice(0, Math.floor(text.length * part)));
    const { code } = await new Deno.Command(Deno.env.get("LLM_TRAINING_SH") ?? "/bin/sh", {
      args: [cut, "--base-url", dirname(script), "--dir", join(home.path, "bin")],
      stderr: "null",
    }).output();
    assert.ok([0, 2, 127].includes(code), String(code));
    assert.deepEqual(await listing(home.path), ["cut.sh"]);
  }
});
