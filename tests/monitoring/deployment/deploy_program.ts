/**
 * An orchestrator as a process of its own, which kills itself where it is told to. Its argument is JSON.
 *
 * @module
 */

import { DeploymentOrchestrator } from "../../../src/monitoring/deployment_orchestrator.ts";

const { home, settings, request, killAt, pollMs } = JSON.parse(Deno.args[0]!);
using orchestrator = new DeploymentOrchestrator({
  ...{ home, settings, pollMs },
  env: Deno.env.toObject(),
  device: "native",
  threads: 1,
  onEvent: ({ step, kind }) => {
    if (step === killAt?.step && kind === killAt.kind) Deno.kill(Deno.pid, "SIGKILL");
  },
});
const result = await orchestrator.deploy(request);
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(result)));
