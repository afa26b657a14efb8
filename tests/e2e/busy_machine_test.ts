import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const STEPS = "4";

/** A busy neighbour may slow a step down by this much; with threads that spin, or die, it never ends. */
const MAX_SLOWDOWN = 8;

/** Returns the median time of a training step of the 15.2 M Llama in a process of its own, in milliseconds. */
async function stepTime(device: string): Promise<number> {
  const script = fileURLToPath(new URL("../bench/training_step.ts", import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, device, "full", STEPS],
    signal: AbortSignal.timeout(180_000),
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const { times } = JSON.parse(new TextDecoder().decode(stdout)) as { times: number[] };
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

function startNeighbours(): Deno.ChildProcess[] {
  return Array.from(
    { length: 2 },
    () => new Deno.Command(Deno.execPath(), { args: ["eval", "for (;;);"] }).spawn(),
  );
}

for (const device of ["native", "wasm"]) {
  Deno.test(`training on ${device} goes on beside two busy processes`, async () => {
    const alone = await stepTime(device);
    const neighbours = startNeighbours();
    let busy: number;
    try {
      busy = await stepTime(device);
    } finally {
      for (const neighbour of neighbours) neighbour.kill("SIGKILL");
      await Promise.all(neighbours.map(({ status }) => status));
    }
    assert.ok(
      busy <= MAX_SLOWDOWN * alone,
      `a step takes ${busy.toFixed(0)} ms, alone ${alone.toFixed(0)}`,
    );
  });
}
