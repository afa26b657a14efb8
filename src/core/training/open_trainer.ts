/**
 * The trainer of a device.
 *
 * @module
 */

import type { Device } from "../../engine/runtime/session.ts";
import { DeviceTrainer } from "./device_trainer.ts";
import type { FrozenDtype } from "./frozen_weights.ts";
import { HostTrainer } from "./host_trainer.ts";
import type { LossRegularization } from "./loss_graph.ts";
import type { OptimizerConfig } from "./optimizers/optimizer.ts";
import type { Trainee } from "./trainee.ts";
import type { Trainer } from "./trainer.ts";

/** Options of {@linkcode openTrainer}. */
export interface OpenTrainerOptions {
  /** Where to run. */
  readonly device: Device;
  /** CPU threads. */
  readonly threads: number;
  /** What updates the weights. */
  readonly optimizer: OptimizerConfig;
  /** Decay of the moving average of the weights; null keeps none. @default {null} */
  readonly emaDecay?: number | null;
  /** What makes the loss that is trained harder. @default {nothing} */
  readonly regularization?: LossRegularization | undefined;
  /** How frozen matrices are kept. @default {"f32"} */
  readonly frozenDtype?: FrozenDtype;
  /**
   * Whether the activations of a layer are computed anew for its gradients, which takes less memory and more time: on
   * CPUs by a graph for each layer. @default {false}
   */
  readonly gradientCheckpointing?: boolean;
}

/** Allocates what is trained of `trainee`, gradients and what the optimizer keeps on a device, all zero. */
export async function openTrainer(
  trainee: Trainee,
  { frozenDtype = "f32", gradientCheckpointing = false, ...options }: OpenTrainerOptions,
): Promise<Trainer> {
  return options.device === "webgpu"
    ? await DeviceTrainer.open(trainee, { ...options, frozenDtype, gradientCheckpointing })
    : await HostTrainer.open(trainee, {
      ...options,
      frozenDtype,
      layered: gradientCheckpointing,
    });
}
