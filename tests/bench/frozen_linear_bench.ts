/**
 * What it costs to store the matrices of SmolLM2-135M in one way or another when they do not train: time and memory of
 * loss and gradient on 512 tokens, and how far both are from those of float32. Every contender runs in processes of its
 * own, in turn, in several rounds; a contender's time is the median over rounds of the fastest step of each.
 *
 * usage: frozen_linear_bench.ts [--rounds 3] [--steps 4] [--devices native,wasm] [--variants f32,f16,int8,int8-forward]
 *          [--model <folder>] [--text <file>]
 */

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "4" },
    devices: { type: "string", default: "native,wasm" },
    variants: { type: "string", default: "f32,f16,int8,int8-forward" },
    model: { type: "string" },
    text: { type: "string" },
  },
});

interface Contender {
  readonly device: string;
  readonly variant: string;
  readonly bestMs: number[];
  peakBytes: number;
  loss: number;
  gradient: Float32Array;
}

const STEP = fileURLToPath(new URL("./frozen_linear_step.ts", import.meta.url));

async function run(contender: Contender, folder: string): Promise<void> {
  const { device, variant, bestMs } = contender;
  const file = `${folder}/gradient`;
  const given = values.model === undefined
    ? []
    : [values.model, ...values.text === undefined ? [] : [values.text]];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--v8-flags=--expose-gc",
      STEP,
      device,
      variant,
      values.steps,
      file,
      ...given,
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { times, loss, peakBytes } = JSON.parse(new TextDecoder().decode(stdout));
  bestMs.push(Math.min(...times));
  contender.peakBytes = Math.max(contender.peakBytes, peakBytes);
  contender.loss = loss;
  contender.gradient = new Float32Array((await Deno.readFile(file)).buffer);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

/** The norm of the difference, of the norm of `b`. */
function relativeError(a: Float32Array, b: Float32Array): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}

const all = values.devices.split(",").flatMap((device) =>
  values.variants.split(",").map((variant): Contender => (
    { device, variant, bestMs: [], peakBytes: 0, loss: NaN, gradient: new Float32Array() }
  ))
);
const folder = await Deno.makeTempDir();
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    // In turn, and backwards every other time, so that drift of the machine's speed hits all alike.
    for (const contender of round % 2 === 0 ? all : all.toReversed()) await run(contender, folder);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
print(
  "| device | stored | ms | × f32's speed | peak RSS, MB | × f32's | loss | error of gradient |",
);
print("|---|---|---:|---:|---:|---:|---:|---:|");
for (const { device, variant, bestMs, peakBytes, loss, gradient } of all) {
  const base = all.find((other) => other.device === device)!;
  const ms = median(bestMs);
  const cells = [
    device,
    variant,
    ms.toFixed(0),
    (median(base.bestMs) / ms).toFixed(2),
    (peakBytes / 1e6).toFixed(0),
    (peakBytes / base.peakBytes).toFixed(2),
    loss.toFixed(4),
    relativeError(gradient, base.gradient).toExponential(1),
  ];
  print(`| ${cells.join(" | ")} |`);
}
