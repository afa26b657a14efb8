import type { OptimizerConfig } from "../../../src/core/training/optimizers/optimizer.ts";

interface GoldenAdamW {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weight_decay: number;
}

/** The optimizer of a trajectory, in the words of PyTorch and transformers. */
export type GoldenOptimizer =
  | ({ readonly name: "adamw" } & GoldenAdamW)
  | {
    readonly name: "sgd";
    readonly lr: number;
    readonly momentum: number;
    readonly nesterov?: boolean;
    readonly weight_decay: number;
  }
  | ({ readonly name: "lion" } & Omit<GoldenAdamW, "eps">)
  | {
    readonly name: "adafactor_transformers";
    readonly lr: number;
    readonly eps: readonly [number, number];
    readonly clip_threshold: number;
    readonly decay_rate: number;
    readonly beta1: number | null;
    readonly scale_parameter: boolean;
    readonly weight_decay: number;
  }
  | {
    readonly name: "adafactor_torch";
    readonly lr: number;
    readonly eps: readonly [number, number];
    readonly d: number;
    readonly beta2_decay: number;
    readonly weight_decay: number;
  }
  | {
    readonly name: "muon";
    readonly hidden: {
      readonly lr: number;
      readonly momentum: number;
      readonly nesterov: boolean;
      readonly weight_decay: number;
      readonly adjust_lr_fn: "original" | "match_rms_adamw";
    };
    readonly rest: GoldenAdamW;
  };

/** Returns the learning rate that a trajectory logs. */
export function goldenRate(golden: GoldenOptimizer): number {
  return golden.name === "muon" ? golden.hidden.lr : golden.lr;
}

/** Returns our settings of a trajectory's optimizer. */
export function goldenOptimizer(golden: GoldenOptimizer): OptimizerConfig {
  switch (golden.name) {
    case "adamw":
      return adamW(golden);
    case "sgd":
      return {
        kind: "sgd",
        momentum: golden.momentum,
        nesterov: golden.nesterov ?? false,
        weightDecay: golden.weight_decay,
      };
    case "lion":
      return {
        kind: "lion",
        beta1: golden.betas[0],
        beta2: golden.betas[1],
        weightDecay: golden.weight_decay,
      };
    case "adafactor_transformers":
      return {
        kind: "adafactor",
        variant: "transformers",
        epsilon1: golden.eps[0],
        epsilon2: golden.eps[1],
        clipThreshold: golden.clip_threshold,
        decayRate: golden.decay_rate,
        beta1: golden.beta1,
        scaleParameter: golden.scale_parameter,
        weightDecay: golden.weight_decay,
      };
    case "adafactor_torch":
      return {
        kind: "adafactor",
        variant: "torch",
        epsilon1: golden.eps[0],
        epsilon2: golden.eps[1],
        clipThreshold: golden.d,
        decayRate: golden.beta2_decay,
        beta1: null,
        scaleParameter: true,
        weightDecay: golden.weight_decay,
      };
    case "muon":
      return {
        kind: "muon",
        momentum: golden.hidden.momentum,
        nesterov: golden.hidden.nesterov,
        weightDecay: golden.hidden.weight_decay,
        adjustment: golden.hidden.adjust_lr_fn === "original" ? "original" : "match-rms-adamw",
        rest: adamW(golden.rest),
        restLearningRateFactor: golden.rest.lr / golden.hidden.lr,
      };
  }
}

function adamW({ betas, eps, weight_decay }: GoldenAdamW): OptimizerConfig & { kind: "adamw" } {
  return {
    kind: "adamw",
    beta1: betas[0],
    beta2: betas[1],
    epsilon: eps,
    weightDecay: weight_decay,
  };
}
