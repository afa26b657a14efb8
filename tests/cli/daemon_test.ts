import assert from "node:assert/strict";
import { join } from "node:path";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

Deno.test("daemon install writes a unit that systemd accepts, and does not replace one", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const env = { XDG_CONFIG_HOME: join(path, "config") };
  const home = join(path, "a home % of mine");
  const install = ["daemon", "install", "--user", "--home", home];
  const { status, stdout, stderr } = await runCli([...install, "--", "--policy", "base"], { env });
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /systemctl --user daemon-reload && systemctl --user enable --now llm-training-daemon/,
  );
  const unitPath = join(env.XDG_CONFIG_HOME, "systemd", "user", "llm-training-daemon.service");
  const unit = await Deno.readTextFile(unitPath);
  assert.match(unit, /^ExecStart=.* daemon --home ".*a home %% of mine" --policy base$/m);
  const again = await runCli(install, { env });
  assert.match(again.stderr, /^error: Cannot write ".*": it is there already; add --force/m);
  const analyze = await new Deno.Command("systemd-analyze", {
    args: ["--user", "verify", unitPath],
    env,
  }).output().catch(() => undefined);
  const words = new TextDecoder().decode(analyze?.stderr);
  assert.doesNotMatch(words, /llm-training-daemon.service/, words);
});

Deno.test("daemon reads its section of llm-training.json, and names a key that is wrong", async () => {
  await using folder = await temporaryFolder();
  const settings = join(folder.path, "llm-training.json");
  const print = (...args: string[]) =>
    runCli(["daemon", "--home", folder.path, "--print-config", "--json", ...args]);
  await Deno.writeTextFile(
    settings,
    '{"model": "1m", "daemon": {"policy": "base", "poll_seconds": 9}}',
  );
  const printed = JSON.parse((await print("--retry-seconds", "5")).stdout);
  assert.equal(printed.policy.value, "base");
  assert.deepEqual([printed.pollSeconds.value, printed.pollSeconds.source], [9, "home"]);
  assert.deepEqual([printed.retrySeconds.value, printed.retrySeconds.source], [5, "flag"]);
  assert.equal(printed.minFreeBytes.source, "default");
  await Deno.writeTextFile(settings, '{"daemon": {"polcy": "base"}}');
  const wrong = await print();
  assert.equal(wrong.status, 1);
  assert.match(
    wrong.stderr,
    /^error: Cannot read ".*llm-training.json:1:13": "polcy" is not a setting; did you mean "policy"/m,
  );
});

Deno.test("control says so when there is no daemon", async () => {
  await using folder = await temporaryFolder();
  const { status, stderr } = await runCli(["control", "pause", "--home", folder.path]);
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^error: Cannot tell the daemon of ".*" to pause: it does not run; start it with/m,
  );
  const report = await runCli(["control", "status", "--home", folder.path, "--json"]);
  assert.equal(report.status, 3);
  assert.deepEqual(JSON.parse(report.stdout).liveness, "stopped");
});
