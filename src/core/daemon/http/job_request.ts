/**
 * A request for a job of fine-tuning, as OpenAI's API has it.
 *
 * @module
 */

import { z } from "zod";
import { ApiError } from "../../../inference/http/api_error.ts";
import { validationError } from "../../../inference/http/validation.ts";

const orAuto = <T extends z.ZodType>(schema: T) => z.union([z.literal("auto"), schema]);

const hyperparameters = z.object({
  n_epochs: orAuto(z.number().positive().max(1000)).default("auto"),
  batch_size: orAuto(z.int().positive().max(4096)).default("auto"),
  learning_rate_multiplier: orAuto(z.number().positive()).default("auto"),
});

const request = z.object({
  model: z.string().min(1),
  training_file: z.string().min(1),
  validation_file: z.string().min(1).nullish(),
  hyperparameters: hyperparameters.partial().nullish(),
  suffix: z.string().min(1).max(64).nullish(),
  seed: z.int().nullish(),
  method: z.object({
    type: z.enum(["supervised", "dpo", "reinforcement"]),
    supervised: z.object({ hyperparameters: hyperparameters.partial().nullish() }).nullish(),
    dpo: z.unknown(),
    reinforcement: z.unknown(),
  }).partial({ dpo: true, reinforcement: true }).nullish(),
  integrations: z.array(z.unknown()).nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
});

/** How a run is tuned; `"auto"` leaves it to the settings of the home. */
export type Hyperparameters = z.infer<typeof hyperparameters>;

/** A request for a job. */
export interface JobRequest {
  /** The model to train on from. */
  readonly model: string;
  /** Id of the file to train on. */
  readonly training_file: string;
  /** Id of the file to evaluate on; null has none. */
  readonly validation_file: string | null;
  /** How the run is tuned. */
  readonly hyperparameters: Hyperparameters;
  /** Part of the model's name; null has none. */
  readonly suffix: string | null;
  /** Where chance begins. */
  readonly seed: number;
  /** Notes of the client. */
  readonly metadata: Readonly<Record<string, string>> | null;
}

/**
 * Decodes a request.
 *
 * @throws {ApiError} If it is none, or asks for what there is not.
 */
export function parseJobRequest(json: unknown): JobRequest {
  const parsed = request.safeParse(json);
  if (!parsed.success) throw validationError(parsed.error);
  const { method, integrations, ...rest } = parsed.data;
  const type = method?.type ?? "supervised";
  if (type !== "supervised") {
    throw new ApiError(400, `Cannot train by "${type}": this version has "supervised" only`, {
      param: "method.type",
      code: "unsupported_method",
    });
  }
  if ((integrations ?? []).length > 0) {
    throw new ApiError(400, "Cannot use integrations: this server has none; leave them out", {
      param: "integrations",
      code: "unsupported_integration",
    });
  }
  if (Object.keys(rest.metadata ?? {}).length > 16) {
    throw new ApiError(400, 'Cannot read "metadata": it may have at most 16 keys', {
      param: "metadata",
      code: "invalid_value",
    });
  }
  return {
    model: rest.model,
    training_file: rest.training_file,
    validation_file: rest.validation_file ?? null,
    hyperparameters: hyperparameters.parse({
      ...rest.hyperparameters,
      ...method?.supervised?.hyperparameters,
    }),
    suffix: rest.suffix ?? null,
    seed: (rest.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!) >>> 0,
    metadata: rest.metadata ?? null,
  };
}
