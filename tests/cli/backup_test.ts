import assert from "node:assert/strict";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { join } from "node:path";
import { filesBelow, writeRun } from "../management/home_of_runs.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

Deno.test("backup creates, lists, verifies, restores and prunes as the home's settings say", async () => {
  await using home = await temporaryFolder();
  await using other = await temporaryFolder();
  const run = await writeRun(home.path, { name: "a", ageHours: { 5: 2 } });
  const identity = await generateX25519Identity();
  const recipients = [await identityToRecipient(identity)];
  const destination = join(other.path, "backups");
  await Deno.writeTextFile(
    join(home.path, "llm-training.json"),
    JSON.stringify({
      backup: { destination, recipients, keepLast: 1, keepDaily: 0, keepWeekly: 0 },
    }),
  );
  const keyFile = join(other.path, "key.txt");
  await Deno.writeTextFile(keyFile, `# created: today\n${identity}\n`);
  const call = async (...args: string[]) => {
    const [command, ...rest] = args;
    return await runCli(["backup", command!, "--home", home.path, ...rest]);
  };
  const json = async (...args: string[]) => JSON.parse((await call(...args, "--json")).stdout);

  const dry = await json("create", "--dry-run");
  assert.equal(dry.dry_run, true);
  assert.match((await call("list")).stdout, /^There are no backups in /);
  const first = await json("create");
  assert.ok(first.new_bytes > 0 && first.files === dry.files);
  await Deno.writeTextFile(join(run, "note.txt"), "new");
  assert.match((await call("create")).stdout, /^backup .* of it new\n$/);
  const { backups } = await json("list");
  assert.equal(backups.length, 2);
  assert.equal(backups[0].id, first.id);
  assert.match((await call("verify")).stdout, /all whole\n.* objects are encrypted/);
  assert.equal((await json("verify", "--identity", keyFile)).sealed, 0);

  const to = join(other.path, "restored");
  assert.match((await call("restore", "--to", to)).stderr, /give --identity <file>/);
  const restored = await call("restore", first.id.slice(0, 30), "--to", to, "--identity", keyFile);
  assert.equal(restored.status, 0, restored.stderr);
  assert.deepEqual(
    (await filesBelow(to)).filter((path) => path.startsWith("runs/")),
    (await filesBelow(home.path)).filter((path) => /^runs\/(?!.*note)/.test(path)),
  );
  const again = await call("restore", "--to", to, "--identity", keyFile, "--replace");
  assert.match(again.stdout, /what was there is now .*restored\.before-/);
  assert.match((await call("prune", "--dry-run")).stdout, /^delete .*no rule keeps it$/m);
  const pruned = await json("prune");
  assert.deepEqual(pruned.backups.map(({ action }: { action: string }) => action), [
    ...["delete", "keep"],
  ]);

  const objects = join(destination, "objects");
  await Deno.remove(join(objects, (await filesBelow(objects))[0]!));
  const damaged = await call("verify");
  assert.equal(damaged.status, 1);
  assert.match(damaged.stdout, /^objects\/.*: it is missing$/m);
  assert.match(
    damaged.stderr,
    /^error: Cannot rely on the backups in .*: 1 of their parts is missing/,
  );
});

Deno.test("backup says what it lacks", async () => {
  await using home = await temporaryFolder();
  const at = ["--home", home.path];
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [["verify", ...at], /Cannot find backups in .*: there are none; make one with/],
    [["create", "--home", join(home.path, "none")], /there is no such folder; give --home/],
    [["create", "--destination", "gs://x", ...at], /must be a folder or s3:\/\/bucket\/prefix/],
    [["create", "--recipients", "age1x", ...at], /"age1x": it is no public key of age/],
    [
      ["verify", "--identity", join(home.path, "k"), ...at],
      /Cannot read .*k": there is no such file/,
    ],
  ];
  for (const [args, message] of cases) {
    const { status, stderr } = await runCli(["backup", ...args]);
    assert.equal(status, 1, args.join(" "));
    assert.match(stderr, message);
  }
});
