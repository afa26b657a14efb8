/**
 * The flags of `train` that choose and tune the optimizer and its schedule.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { ADAFACTOR_VARIANTS } from "../core/training/optimizers/adafactor.ts";
import { MUON_ADJUSTMENTS } from "../core/training/optimizers/muon.ts";
import { OPTIMIZERS } from "../core/training/optimizers/optimizer.ts";
import { DECAY_TYPES } from "../core/training/schedule.ts";
import { integerOption, numberOption } from "./option_values.ts";

/** Adds the flags to `command`. */
export function addOptimizerFlags(command: Command): Command {
  return addScheduleFlags(addFlags(command));
}

function addFlags(command: Command): Command {
  const positive = numberOption({ min: 0 });
  const unit = numberOption({ min: 0, max: 1 });
  return command
    .addOption(
      new Option("--optimizer <name>", "what updates the weights (default: adamw)")
        .choices(OPTIMIZERS),
    )
    .option(
      "--weight-decay <number>",
      "decay of weights that are matrices (default: 0.01)",
      positive,
    )
    .option("--adam-beta1 <number>", "decay of the mean of gradients (default: 0.9)", unit)
    .option(
      "--adam-beta2 <number>",
      "decay of the mean of their squares (default: 0.999; lion: of gradients, 0.99)",
      unit,
    )
    .option("--adam-epsilon <number>", "added to the root of that (default: 1e-8)", positive)
    .option("--momentum <number>", "momentum of sgd and muon (default: 0.9, muon 0.95)", unit)
    .option("--nesterov", "let momentum look a step ahead (default: with muon)")
    .option("--no-nesterov", "do not let it")
    .addOption(
      new Option("--adafactor-variant <name>", "whose Adafactor (default: transformers)")
        .choices(ADAFACTOR_VARIANTS),
    )
    .option(
      "--adafactor-scale-parameter",
      "make steps of adafactor relative to the size of each weight",
    )
    .option(
      "--adafactor-beta1 <number>",
      "decay of the mean of changes of adafactor (default: no mean is kept)",
      unit,
    )
    .option(
      "--muon-learning-rate <number>",
      "learning rate of hidden matrices with muon (default: 10/3 of --learning-rate)",
      positive,
    )
    .addOption(
      new Option(
        "--muon-adjustment <name>",
        "how that follows from the shape of a matrix (default: original)",
      ).choices(MUON_ADJUSTMENTS),
    );
}

function addScheduleFlags(command: Command): Command {
  const positive = numberOption({ min: 0 });
  return command
    .option(
      "--lr-min-rate <part>",
      "least learning rate, as a part of the highest (default: 0.1 of schedules with-min-lr, else 0)",
      numberOption({ min: 0, max: 1 }),
    )
    .option(
      "--lr-decay-steps <steps>",
      "steps of the decay of wsd (default: a fifth of the run)",
      integerOption({ min: 0 }),
    )
    .addOption(
      new Option("--lr-decay-type <type>", "how wsd decays (default: linear)")
        .choices(DECAY_TYPES),
    )
    .option("--lr-cycles <number>", "waves of a cosine (default: 0.5, with restarts 1)", positive)
    .option("--lr-power <number>", "exponent of polynomial (default: 1)", positive)
    .option(
      "--lr-timescale <steps>",
      "steps after which inverse-sqrt is at its highest (default: --warmup-steps)",
      integerOption({ min: 1 }),
    );
}
