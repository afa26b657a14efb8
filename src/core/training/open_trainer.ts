/**
 * The trainer of a device.
 *
 * @module
 */

import type { Device } from "../../engine/runtime/session.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { DeviceTrainer } from "./device_trainer.ts";
import { HostTrainer } from "./host_trainer.ts";
import type { OptimizerConfig } from "./optimizers/optimizer.ts";
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
  /** The part of each target that is shared out evenly over all tokens. @default {0} */
  readonly labelSmoothing?: number;
}

/** Allocates weights, gradients and what the optimizer keeps of `model` on a device, all zero. */
export async function openTrainer(
  model: LanguageModel,
  options: OpenTrainerOptions,
): Promise<Trainer> {
  return options.device === "webgpu"
    ? await DeviceTrainer.open(model, options)
    : await HostTrainer.open(model, options);
}
