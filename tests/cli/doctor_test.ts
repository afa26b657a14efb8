import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runCli } from "./run_cli.ts";

Deno.test("doctor shows every device and which one is used", async () => {
  const { status, stdout } = await runCli(["doctor", "--no-speed"]);
  assert.equal(status, 0);
  for (const device of ["webgpu", "native", "wasm"]) {
    assert.match(stdout, new RegExp(`^  ${device} `, "m"));
  }
  assert.match(stdout, /^Device (webgpu|native|wasm) is used: /m);
});

Deno.test("doctor --json reports devices, limits, speed and the choice with its reasons", async () => {
  const { status, stdout } = await runCli(["doctor", "--json", "--threads", "2"]);
  assert.equal(status, 0);
  const report = JSON.parse(stdout);
  assert.deepEqual(Object.keys(report), ["version", "machine", "devices", "choice"]);
  assert.ok(report.machine.processors >= 1 && report.machine.memoryBytes > 1e8);
  for (const { problem, gigaflops } of report.devices) {
    assert.equal(problem === undefined, gigaflops > 0);
  }
  const [preferred] = report.devices.filter(({ problem, drawback }: Record<string, string>) =>
    problem === undefined && drawback === undefined
  );
  assert.equal(report.choice.device, preferred.device);
  assert.ok(report.choice.reason.startsWith(preferred.description));
});

Deno.test("doctor goes on without the permission to load native code, and says so", async () => {
  const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-lock",
      "--no-prompt",
      "--allow-read",
      "--allow-env",
      "--allow-sys",
      cli,
      "doctor",
      "--no-speed",
      "--json",
    ],
  }).output();
  assert.ok(success);
  const { devices, choice } = JSON.parse(new TextDecoder().decode(stdout));
  assert.match(devices[1].problem, /does not load: .*ffi/);
  assert.notEqual(choice.device, "native");
});

Deno.test("doctor --device names the reason and the fix where a device cannot be had", async () => {
  const env = { DENO_WEBGPU_BACKEND: "none" }; // hides every GPU
  const args = ["doctor", "--device", "webgpu", "--no-speed"];
  const { status, stderr } = await runCli(args, { env });
  assert.equal(status, 1);
  assert.match(stderr, /^error: Cannot use device webgpu: no GPU adapter was found; .*choose/);
});
