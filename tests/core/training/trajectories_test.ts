import lionTrajectory from "../../fixtures/lion_trajectory.json" with { type: "json" };
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { testWithData } from "../../shared_data.ts";
import {
  assertTrajectory,
  type GoldenTrajectory,
  type TrajectoryMode,
} from "./golden_trajectory.ts";

/** PyTorch's trajectories: of whole models, of packed rows, and of adapters. */
const CASES = [
  "adamw",
  "adamw_clip",
  "accumulation",
  "cosine",
  "gemma3",
  "linear_gpt2",
  "tinystories",
  "label_smoothing",
  "sgd_momentum",
  "sgd_nesterov",
  "lion",
  "adafactor_transformers",
  "adafactor_transformers_scaled",
  "adafactor_torch",
  "muon",
  "muon_match_rms",
  "packed",
  "packed_gemma3",
  "packed_gpt2",
  "lora",
  "lora_dora",
  "lora_dora_nonzero_b",
  "lora_gpt2",
  "lora_nonzero_b",
  "lora_patterns",
  "lora_qv",
  "lora_rslora",
  "lora_tinystories",
] as const;

/**
 * Steps that are compared where not all can be. Lion's step is a sign: in its second step here one direction is by 1e-7
 * of what it is the sum of from 0, so that float32 decides it by rounding, and what follows is another trajectory.
 */
const COMPARED_STEPS: Readonly<Partial<Record<string, number>>> = { lion: 2 };

const MODES: readonly TrajectoryMode[] = AVAILABLE_DEVICES.flatMap((device) =>
  [false, true].map((gradientCheckpointing) => ({ device, gradientCheckpointing }))
);

function nameOf({ device, gradientCheckpointing }: TrajectoryMode): string {
  return gradientCheckpointing ? `${device} with gradient checkpointing` : device;
}

async function readGolden(path: string): Promise<GoldenTrajectory> {
  return JSON.parse(await Deno.readTextFile(path));
}

/**
 * GPUs are slow where they are programs, and have one graph for losses and gradients: layers that are computed anew in it
 * are tried with these alone, which differ by what a layer is.
 */
const CHECKPOINTED_ON_GPU: readonly string[] = [
  "adamw",
  "gemma3",
  "linear_gpt2",
  "packed_gemma3",
  "lora",
  "lora_dora",
  "lora_gpt2",
];

function isTried(name: string, { device, gradientCheckpointing }: TrajectoryMode): boolean {
  return device !== "webgpu" || !gradientCheckpointing || CHECKPOINTED_ON_GPU.includes(name);
}

for (const name of CASES) {
  for (const mode of MODES.filter((mode) => isTried(name, mode))) {
    testWithData(
      `training on ${nameOf(mode)} follows PyTorch's trajectory "${name}"`,
      { data: `golden/train_${name}.json` },
      async (path) => {
        const comparedSteps = COMPARED_STEPS[name];
        await assertTrajectory(await readGolden(path), { mode, comparedSteps });
      },
    );
  }
}

for (const mode of MODES.filter((mode) => isTried("lion", mode))) {
  testWithData(
    `training on ${nameOf(mode)} follows PyTorch's trajectory of Lion far from changes of sign`,
    { data: `golden/${lionTrajectory.source}` },
    async (path) => {
      const lion = lionTrajectory as unknown as Partial<GoldenTrajectory>;
      await assertTrajectory({ ...await readGolden(path), ...lion }, { mode });
    },
  );
}
