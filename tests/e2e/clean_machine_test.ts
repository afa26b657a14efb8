import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { archiveName, releasePlatform } from "../../src/cli/release_platform.ts";
import { temporaryFolder } from "../temporary_folder.ts";

/** The root folder of a minimal Debian, as `tools/debian_base.sh` makes it. */
const base = Deno.env.get("LLM_TRAINING_DEBIAN_BASE");

/** The folder of a release, as `deno task release` makes it. */
const release = resolve(
  Deno.env.get("LLM_TRAINING_RELEASE") ?? fileURLToPath(new URL("../../dist", import.meta.url)),
);
const files = ["install.sh", "SHA256SUMS", "manifest.json", archiveName(releasePlatform()!)];

/** Namespaces of its own: what is mounted there goes by itself, and there is no network but the loopback. */
const UNSHARE = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"];

/** A person without rights. */
const PERSON = 1000;

async function run([program, ...args]: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program!, { args }).output();
  const text = new TextDecoder().decode(stderr);
  assert.ok(success, `${program} ${args.join(" ")}: ${text}${new TextDecoder().decode(stdout)}`);
  return new TextDecoder().decode(stdout);
}

/** Returns what keeps the test from being run. */
async function whyNot(): Promise<string | undefined> {
  if (base === undefined) return "$LLM_TRAINING_DEBIAN_BASE names no root folder of Debian";
  if (!files.every((name) => existsSync(join(release, name)))) return "no release in dist/";
  const may = await run([...UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"]).catch(() =>
    undefined
  );
  return may === undefined ? "this user may not make namespaces" : undefined;
}

/** Returns every path below `root` with its size and owner, but for what a kernel shows there. */
async function contents(root: string): Promise<readonly string[]> {
  const paths = await run([
    ...["find", root, "-xdev", "(", "-path", `${root}/dev`, "-o", "-path", `${root}/proc`, ")"],
    ...["-prune", "-o", "-type", "d", "-printf", "%P/ %U\\n", "-o", "-printf", "%P %s %U\\n"],
  ]);
  return paths.split("\n").toSorted();
}

const why = await whyNot();
const name = "a release is installed, trains, serves, chats and leaves nothing on a clean machine";

Deno.test({
  name: why === undefined ? name : `${name} (skipped: ${why})`,
  ignore: why !== undefined,
}, async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "root");
  await Deno.mkdir(root);
  await run(["tar", "--extract", "--file", base!, "--directory", root]);
  const media = join(root, "media", "release");
  await Deno.mkdir(media);
  for (const file of files) await Deno.copyFile(join(release, file), join(media, file));
  const script = fileURLToPath(new URL("clean_machine.sh", import.meta.url));
  await Deno.copyFile(script, join(media, "person.sh"));
  const home = join(root, "home", "person");
  await Deno.mkdir(home);
  await Deno.chown(home, PERSON, PERSON);
  for (const missing of ["deno", "node", "python3", "curl", "wget"]) {
    assert.ok(!existsSync(join(root, "usr", "bin", missing)), missing);
  }

  const before = await contents(root);
  const commands = [
    "ip link set lo up",
    `mount --rbind /dev ${root}/dev`,
    `mount -t proc proc ${root}/proc`,
    `exec chroot --userspec=${PERSON}:${PERSON} ${root} /usr/bin/env -i HOME=/home/person ` +
    "PATH=/usr/bin:/bin NO_COLOR=1 sh -c 'cd && exec bash /media/release/person.sh'",
  ];
  const output = await run([...UNSHARE, "sh", "-ec", commands.join("\n")]);
  assert.match(output, /^Installed llm-training \S+ in \/home\/person\/\.local\/bin/m);
  assert.match(output, /"object":"chat\.completion"/);
  assert.match(output, /^Removed llm-training from/m);
  assert.deepEqual(await contents(root), before, "nothing is left behind");
});
