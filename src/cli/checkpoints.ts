/**
 * `checkpoints`: what runs have saved, what of it stays and what goes.
 *
 * @module
 */

import type { Command } from "commander";
import { BackupManager } from "../management/backup_manager.ts";
import { RetentionManager, type RetentionSettings } from "../management/retention_manager.ts";
import { RETENTION_SETTINGS } from "../management/retention/settings.ts";
import { resolveSettings, valuesOf } from "../utils/settings/layers.ts";
import { anySettings } from "../utils/settings/setting.ts";
import { describeCheckpoint, listLines, planLines } from "./checkpoint_tables.ts";
import { checkpointJson, planJson } from "./checkpoint_json.ts";
import { warnOfSettings } from "./config_options.ts";
import { addHomeOption, findHome, type HomeOption } from "./home_option.ts";
import { interruptible } from "./interrupt.ts";
import { addExamples } from "./program.ts";
import { addSettingFlags, flagSettings } from "./setting_flags.ts";
import { readHome } from "./settings_layer.ts";
import { print, printError } from "./terminal.ts";
import { deployedFolders } from "../monitoring/deployment/deployed_models.ts";
import { UserError } from "../utils/errors.ts";

const TABLE = anySettings(RETENTION_SETTINGS);

/** What every command of `checkpoints` takes. */
interface CommonOptions extends HomeOption {
  readonly json?: boolean;
}

interface PinOptions extends CommonOptions {
  readonly note?: string;
}

interface PruneCommandOptions extends CommonOptions {
  readonly dryRun?: boolean;
  readonly dropOptimizer?: boolean;
}

/** Adds `checkpoints` and its commands to `program`. */
export function registerCheckpoints(program: Command): void {
  const checkpoints = program.command("checkpoints").description(
    "Look at what runs have saved, pin what must stay and remove what need not.",
  );
  addExamples(checkpoints, [
    "llm-training checkpoints list",
    "llm-training checkpoints pin my-run/checkpoint-400 --note 'in the paper'",
    "llm-training checkpoints prune --dry-run",
  ]);
  registerList(checkpoints);
  registerShow(checkpoints);
  registerPins(checkpoints);
  registerPrune(checkpoints);
}

function registerList(checkpoints: Command): void {
  const list = addCommon(
    checkpoints.command("list").description("List every checkpoint of the home's runs."),
  ).action(async (options: CommonOptions) => {
    const runs = await (await openManager(options, list)).list();
    const all = runs.flatMap(({ checkpoints }) => checkpoints);
    if (options.json) print(JSON.stringify({ checkpoints: all.map(checkpointJson) }, null, 2));
    else listLines(runs).forEach(print);
  });
  addExamples(list, ["llm-training checkpoints list", "llm-training checkpoints list --json"]);
}

function registerShow(checkpoints: Command): void {
  const show = addCommon(
    checkpoints.command("show <checkpoint>")
      .description("Show one checkpoint, and what the settings would do with it."),
  ).action(async (name: string, options: CommonOptions) => {
    const manager = await openManager(options, show);
    const { id } = await manager.find(name, Deno.cwd());
    const plan = await manager.plan();
    const line = plan.lines.find(({ checkpoint }) => checkpoint.id === id);
    if (line === undefined) throw new UserError(`Cannot find checkpoint "${name}": it has gone`);
    if (options.json) {
      const { action, reasons } = line;
      print(JSON.stringify({ ...checkpointJson(line.checkpoint), action, reasons }, null, 2));
    } else describeCheckpoint(line).forEach(print);
  });
  addExamples(show, ["llm-training checkpoints show my-run"]);
}

function registerPins(checkpoints: Command): void {
  const pin = addCommon(
    checkpoints.command("pin <checkpoint>")
      .description("Keep a checkpoint whatever the rules say, until it is unpinned.")
      .option("--note <text>", "why"),
  ).action(
    async (name: string, { note, ...options }: PinOptions) => {
      const manager = await openManager(options, pin);
      const held = await manager.hold(name, { note: note ?? null, cwd: Deno.cwd() });
      print(options.json ? JSON.stringify(checkpointJson(held), null, 2) : `pinned ${held.id}`);
    },
  );
  addExamples(pin, ["llm-training checkpoints pin my-run/checkpoint-400 --note 'in the paper'"]);
  const unpin = addCommon(
    checkpoints.command("unpin <checkpoint>").description("Leave a checkpoint to the rules again."),
  ).action(async (name: string, options: CommonOptions) => {
    const manager = await openManager(options, unpin);
    const released = await manager.release(name, { cwd: Deno.cwd() });
    print(
      options.json ? JSON.stringify(checkpointJson(released), null, 2) : `unpinned ${released.id}`,
    );
  });
  addExamples(unpin, ["llm-training checkpoints unpin my-run/checkpoint-400"]);
}

function registerPrune(checkpoints: Command): void {
  const prune = addSettingFlags(
    addCommon(
      checkpoints.command("prune [checkpoints...]")
        .description(
          "Remove the checkpoints that the rules let go, or those that are named if nothing protects them. The " +
            'section "retention" of the home\'s settings has the rules; flags go before it.',
        )
        .option("--dry-run", "only print what would happen to each checkpoint, and why")
        .option(
          "--drop-optimizer",
          "remove no weights, but the state of the optimizer where nothing protects it: such a checkpoint still is a " +
            "model, and a run cannot go on from it",
        ),
    ),
    TABLE,
  ).action((names: readonly string[], options: PruneCommandOptions) =>
    interruptible((signal) => runPrune(names, { ...options, signal, command: prune }))
  );
  addExamples(prune, [
    "llm-training checkpoints prune --dry-run",
    "llm-training checkpoints prune --max-age-hours 24 --keep-latest 2",
    "llm-training checkpoints prune my-run/checkpoint-400 --drop-optimizer",
  ]);
}

async function runPrune(
  names: readonly string[],
  { signal, command, ...options }: PruneCommandOptions & {
    readonly signal: AbortSignal;
    readonly command: Command;
  },
): Promise<void> {
  const { dryRun = false, dropOptimizer = false, json = false } = options;
  const manager = await openManager(options, command);
  const wanted = {
    dropOptimizer,
    signal,
    cwd: Deno.cwd(),
    ...(names.length === 0 ? {} : { only: names }),
  };
  const { plan, failures } = dryRun
    ? { plan: await manager.plan(wanted), failures: [] }
    : await manager.prune(wanted);
  if (json) print(JSON.stringify(planJson(plan, { dryRun, failures }), null, 2));
  else planLines(plan, { dryRun }).forEach(print);
  for (const words of plan.unmet) printError(`warning: ${words}`);
  for (const { id, message } of failures) printError(`error: ${id}: ${message}`);
  if (failures.length > 0) {
    throw new UserError(
      `Cannot remove ${failures.length} of the checkpoints: they stay as they are; the others are done`,
    );
  }
  const kept = plan.lines.filter(({ action, checkpoint }) =>
    action === "keep" && plan.named?.includes(checkpoint.id)
  );
  if (kept.length > 0) {
    const [{ checkpoint, reasons }] = kept as [typeof kept[number]];
    throw new UserError(
      `Cannot remove "${checkpoint.id}": it is protected (${reasons.join("; ")})`,
    );
  }
}

function addCommon(command: Command): Command {
  return addHomeOption(command).option("--json", "print one JSON object");
}

async function openManager(options: HomeOption, command: Command): Promise<RetentionManager> {
  const { home, paths, context } = findHome(options);
  const reader = { command: "retention", table: TABLE, context, onWarning: warnOfSettings };
  const settings = resolveSettings(TABLE, [
    await readHome(reader),
    flagSettings(command, { table: TABLE, cwd: context.cwd, onWarning: warnOfSettings }),
  ]);
  return new RetentionManager({
    home,
    copies: () => new BackupManager({ home }).copies(),
    references: () =>
      Promise.resolve(
        deployedFolders(paths.state).map((each) => ({ ...each, kind: "deployed" as const })),
      ),
    settings: valuesOf(settings) as unknown as RetentionSettings, // every value was decoded by its setting
  });
}
