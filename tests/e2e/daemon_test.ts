import assert from "node:assert/strict";
import { runCli } from "../cli/run_cli.ts";
import { startProgram } from "../core/daemon/daemon_program.ts";
import { testHome, until, untilDone } from "../core/daemon/test_daemon.ts";

Deno.test("daemon trains on what comes into the inbox, and queue and control speak with it", async () => {
  await using home = await testHome({ maxSteps: 3 });
  await using daemon = await startProgram(home);
  await home.drop("a.jsonl", { seed: 1 });
  const [job] = await untilDone(home.queue, 1);
  assert.equal(job?.state, "succeeded", job?.error ?? "");
  const tell = async (...args: string[]) => {
    const { status, stdout, stderr } = await runCli([...args, "--home", home.home, "--json"]);
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  };
  await until(async () => (await tell("daemon", "status")).daemon.state === "idle");
  assert.equal((await tell("queue", "list"))[0].id, job.id);
  assert.equal((await tell("control", "pause")).outcome, "paused");
  assert.equal((await tell("control", "status")).daemon.state, "paused");
  assert.equal((await tell("control", "stop")).outcome, "stopped");
  assert.equal(await daemon.exit(), 0);
  const { status } = await runCli(["control", "status", "--home", home.home]);
  assert.equal(status, 3);
});
