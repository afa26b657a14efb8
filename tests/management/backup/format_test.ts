import { generateX25519Identity, identityToRecipient } from "age-encryption";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { BACKUP_DEFAULTS, BackupManager } from "../../../src/management/backup_manager.ts";
import { decodeTree } from "../../../src/management/backup/tree.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { filesBelow, writeRun } from "../home_of_runs.ts";
import { lackOf, PYTHON, scriptPath } from "./python.ts";

for (const isEncrypted of [false, true]) {
  const lack = lackOf(isEncrypted ? ["zstandard", "pyrage", "cryptography"] : ["zstandard"]);
  Deno.test({
    name: `${isEncrypted ? "an encrypted" : "a"} backup is read by a few lines of Python${lack}`,
    ignore: lack !== "",
    async fn() {
      await using home = await temporaryFolder();
      await using other = await temporaryFolder();
      const run = await writeRun(home.path, { name: "a", ageHours: { 5: 3 } });
      await Deno.writeFile(join(run, "large"), new Uint8Array(9_000_000).map((_, i) => i % 251));
      await Deno.writeTextFile(join(run, "empty"), "");
      const identity = await generateX25519Identity();
      const settings = {
        ...BACKUP_DEFAULTS,
        destination: other.path,
        recipients: isEncrypted ? [await identityToRecipient(identity)] : null,
      };
      await new BackupManager({ home: home.path, settings }).create();
      const { stdout, stderr, success } = await new Deno.Command(PYTHON, {
        args: [scriptPath("read_backup.py"), other.path, ...(isEncrypted ? [identity] : [])],
      }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
      const files = (await filesBelow(home.path)).filter((path) => path !== "backup_state.json");
      const expected = await Promise.all(files.map(async (path) => {
        const content = await Deno.readFile(join(home.path, path));
        return [path, createHash("sha256").update(content).digest("hex")] as const;
      }));
      assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), Object.fromEntries(expected));
    },
  });
}

Deno.test("decodeTree() refuses paths that would lead elsewhere", () => {
  const link = { kind: "link", path: "a", target: "/etc" };
  const file = (path: string) => ({
    kind: "file",
    path,
    mode: 0o644,
    mtimeMs: 0,
    sizeBytes: 0,
    chunks: [],
  });
  for (
    const tree of [
      [file("../x")],
      [file("/etc/passwd")],
      [file("a/../../x")],
      [file("a//b")],
      [file("")],
      [link, file("a/passwd")],
      [file("a"), file("a/b")],
      [file("a"), link],
      [file("b\\c")],
      [file("missing/b")],
    ]
  ) {
    assert.throws(() => decodeTree(tree, "a backup"), /which cannot be/, JSON.stringify(tree));
  }
  assert.equal(
    decodeTree([{ kind: "folder", path: "a", mode: 0o755 }, file("a/b..c")], "it").length,
    2,
  );
  assert.throws(() => decodeTree([{ ...link, kind: "device" }], "it"), /Cannot read "it"/);
});
