/**
 * The loss of a model on a data set, with nothing trained.
 *
 * @module
 */

import { chooseDevice } from "../engine/runtime/devices.ts";
import { collectGarbage } from "../utils/collect_garbage.ts";
import type { TrainingConfig } from "./training/config.ts";
import { evaluateOn } from "./training/evaluate.ts";
import { openTrainer } from "./training/open_trainer.ts";
import { optimizerConfig } from "./training/optimizer_settings.ts";
import { prepareModel } from "./training/prepare.ts";
import { prepareDataset } from "./training/prepare_data.ts";

/** Options of {@linkcode evaluateLoss}. */
export interface EvaluateLossOptions {
  /** The model, the data and where to run; settings that are about training change nothing. */
  readonly config: TrainingConfig;
  /** Told what is odd about a row. @default {nobody} */
  readonly onWarning?: (warning: string) => void;
  /** Ends the reading of the data. */
  readonly signal?: AbortSignal | undefined;
}

/** The loss of a model on a data set. */
export interface LossReport {
  /** Mean loss of the trained tokens. */
  readonly loss: number;
  /** SHA-256 of the data set. */
  readonly datasetSha256: string;
  /** Tokens that the loss is the mean of. */
  readonly trainedTokens: number;
}

/**
 * Computes the loss of the model `config.model`, with `config.adapter` if there is one, on the data set
 * `config.dataset`.
 *
 * @throws {UserError} If the model or the data cannot be used.
 */
export async function evaluateLoss(options: EvaluateLossOptions): Promise<LossReport> {
  const { config, onWarning = () => {}, signal } = options;
  const prepared = await prepareModel(config, { signal });
  const { trainee } = prepared;
  using dataset = await prepareDataset(config.dataset, { prepared, config, onWarning, signal });
  const { device } = await chooseDevice(config.device);
  await using trainer = await openTrainer(trainee, {
    device,
    frozenDtype: config.baseDtype,
    gradientCheckpointing: config.gradientCheckpointing,
    threads: config.threads ?? navigator.hardwareConcurrency,
    // of all optimizers the one that keeps nothing
    optimizer: optimizerConfig({ ...config, optimizer: "sgd", momentum: 0, learningRate: 0 }),
    emaDecay: null,
    regularization: { ...config, labelSmoothing: 0, neftuneAlpha: null },
  });
  const frozen = new Set(trainee.frozen.map(({ name }) => name));
  for await (const weight of prepared.baseWeights()) {
    if (frozen.has(weight.name)) trainer.freeze(weight);
  }
  for await (const weight of prepared.weights()) await trainer.load({ weights: [weight] });
  collectGarbage(); // of reading the weights
  const { sha256, statistics } = dataset;
  const loss = await evaluateOn(dataset, { trainer, config });
  return { loss, datasetSha256: sha256, trainedTokens: statistics.trainedTokens };
}
