/**
 * `deploy`: brings a model to servers, and goes back.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import type { Command } from "commander";
import type {
  Deployment,
  DeploymentEvent,
  DeploymentOrchestrator,
  DeploymentRequest,
} from "../monitoring/deployment_orchestrator.ts";
import { UserError } from "../utils/errors.ts";
import { printSettings } from "./config_options.ts";
import {
  addDeployOptions,
  addHostOptions,
  DEPLOY_TABLE,
  type DeployHostOptions,
  type DeployOptions,
  openOrchestrator,
  readDeploySettings,
} from "./deploy_options.ts";
import {
  deploymentJson,
  deploymentLines,
  eventLine,
  gateLines,
  historyLines,
  planJson,
  planLines,
  statusJson,
  statusLines,
} from "./deploy_tables.ts";
import { EXIT, ExitError } from "./exit_status.ts";
import { interruptible } from "./interrupt.ts";
import { findModelAndAdapter, MODEL_HELP, type ModelPlace } from "./model_options.ts";
import { integerOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print, printError, writeError } from "./terminal.ts";
import type { PathContext } from "../utils/paths.ts";

/** What the command line gives besides the settings. */
interface DeployCommandOptions extends DeployOptions {
  readonly adapter?: string;
  readonly reference?: string;
  readonly license?: string;
  readonly gate: boolean;
  readonly takeOver?: boolean;
  readonly dryRun?: boolean;
}

/** Adds `deploy` and its commands to `program`. */
export function registerDeploy(program: Command): void {
  const deploy = program.command("deploy")
    .argument("[model]", MODEL_HELP)
    .description(
      "Bring a model to servers: judged by the live one, shipped, loaded beside what runs, verified, tried with a part of " +
        "the requests, made live and watched. Whatever goes wrong, the model before is live again. Hosts are servers " +
        "(llm-training serve) that have a key of role admin; ours is read from $LLM_TRAINING_ADMIN_KEY.",
    );
  addDeployOptions(deploy)
    .option(
      "--adapter <adapter>",
      "an adapter for the model: its folder, or the run that trained it",
    )
    .option(
      "--reference <model>",
      "what stands for the live model in comparisons, where that is not on this machine",
    )
    .option("--license <name>", "the model's licence, where its card tells none")
    .option("--no-gate", "deploy without a verdict")
    .option("--take-over", "end the trials of other models on the hosts, whoever began them")
    .option("--dry-run", "only tell what would be done, and what the gate says")
    .action((model: string | undefined, options: DeployCommandOptions) =>
      interruptible((signal) => run(model, { options, command: deploy, signal }))
    );
  addExamples(deploy, [
    "llm-training deploy runs/my-run --host http://10.0.0.5:8765 --task held-out.jsonl",
    "llm-training deploy my-model --host http://127.0.0.1:8765 --ship link:/srv/models --dry-run",
    "llm-training deploy my-model --canary-share 0.05 --canary-min-requests 200 --json",
    "llm-training deploy status",
    "llm-training deploy rollback",
  ]);
  registerStatus(deploy);
  registerHistory(deploy);
  registerRollback(deploy);
  registerResume(deploy);
  registerFreeze(deploy);
}

interface RunContext {
  readonly options: DeployCommandOptions;
  readonly command: Command;
  readonly signal: AbortSignal;
}

async function run(
  name: string | undefined,
  { options, command, signal }: RunContext,
): Promise<void> {
  const place = await readDeploySettings(options, command);
  const { json = false } = options;
  if (options.printConfig) return printSettings(place.given, { table: DEPLOY_TABLE, json });
  if (name === undefined) {
    throw new UserError("Cannot deploy without a model: name one, as in deploy runs/my-run");
  }
  const request = await requestOf(name, { options, context: place.context });
  using orchestrator = openOrchestrator(place, { ...options, onEvent: shower(options) });
  const wanted = {
    ...request,
    isJudged: options.gate,
    takesOver: options.takeOver ?? false,
    signal,
  };
  if (options.dryRun) return await tell(orchestrator, { request: wanted, options });
  const result = await orchestrator.deploy(wanted).finally(() => {
    if (signal.aborted) printError('interrupted; "deploy resume" goes on with it');
  });
  if (result.outcome === "live already") {
    const { plan } = result;
    if (json) print(JSON.stringify({ outcome: result.outcome, plan: planJson(plan) }, null, 2));
    else print(`${plan.model.name} is live already; nothing was done`);
    return;
  }
  showEnd(result.deployment, options);
}

/** Tells what would be done. */
async function tell(
  orchestrator: DeploymentOrchestrator,
  { request, options }: {
    readonly request: DeploymentRequest;
    readonly options: DeployCommandOptions;
  },
): Promise<void> {
  const plan = await orchestrator.plan(request);
  if (!options.json) planLines(plan).forEach(print);
  const isJudged = plan.steps.some(({ name }) => name === "gate");
  const gate = isJudged ? await orchestrator.judge(plan, request) : undefined;
  if (options.json) print(JSON.stringify({ dry_run: true, ...planJson(plan), gate }, null, 2));
  else if (gate !== undefined) gateLines(gate).forEach(print);
  if (gate?.passed === false) throw new ExitError(EXIT.user);
}

async function requestOf(
  name: string,
  { options, context }: { readonly options: DeployCommandOptions; readonly context: PathContext },
): Promise<DeploymentRequest> {
  const { adapter, reference, license } = options;
  const place = await findModelAndAdapter(
    { model: name, ...(adapter === undefined ? {} : { adapter }) },
    { context },
  );
  return {
    ...place,
    id: nameOf(place),
    ...(license === undefined ? {} : { license }),
    ...(reference === undefined
      ? {}
      : { reference: await findModelAndAdapter({ model: reference }, { context }) }),
  };
}

/** A checkpoint is called by its run and its step: all runs have a checkpoint of one name. */
function nameOf({ id, folder, adapter }: ModelPlace): string {
  const place = adapter ?? folder;
  const [, step] = /^checkpoint-(\d+)$/.exec(basename(place)) ?? [];
  if (step === undefined || basename(dirname(place)) !== "checkpoints") return basename(id);
  return `${basename(join(place, "..", ".."))}-${step}`;
}

function registerStatus(deploy: Command): void {
  const status = addHostOptions(deploy.command("status"))
    .description("Show which model is live on each host, and where a deployment stands.")
    .action((_: DeployHostOptions, command: Command) =>
      withOrchestrator(command, async (orchestrator, { options, signal }) => {
        const found = await orchestrator.status({ signal });
        if (options.json) print(JSON.stringify(statusJson(found), null, 2));
        else statusLines(found).forEach(print);
      })
    );
  addExamples(status, ["llm-training deploy status", "llm-training deploy status --json"]);
}

function registerHistory(deploy: Command): void {
  const history = addHostOptions(deploy.command("history"))
    .description("List deployments, the newest first.")
    .option("--limit <number>", "at most so many", integerOption({ min: 1 }), 20)
    .action((_: DeployHostOptions, command: Command) =>
      withOrchestrator(command, (orchestrator, { options }) => {
        const found = orchestrator.history({ limit: command.opts().limit });
        if (options.json) print(JSON.stringify(found.map(deploymentJson), null, 2));
        else historyLines(found).forEach(print);
      })
    );
  addExamples(history, ["llm-training deploy history", "llm-training deploy history --json"]);
}

function registerRollback(deploy: Command): void {
  const rollback = addHostOptions(deploy.command("rollback"))
    .description(
      "Have clients get the model before again, on all hosts or on those that are named. It works while deployments are " +
        "frozen, and calls off one that is under way.",
    )
    .action((_: DeployHostOptions, command: Command) =>
      withOrchestrator(command, async (orchestrator, { options, signal }) => {
        const deployment = await orchestrator.rollback({ signal });
        const isBack = deployment.kind === "deploy" && deployment.state === "rolled_back";
        showEnd(deployment, { ...options, isWanted: isBack });
      })
    );
  addExamples(rollback, [
    "llm-training deploy rollback",
    "llm-training deploy rollback --host http://10.0.0.5:8765",
  ]);
}

function registerResume(deploy: Command): void {
  const resume = addHostOptions(deploy.command("resume"))
    .description(
      "Go on with a deployment that was interrupted, or with going back where a host was away.",
    )
    .option("--give-up", "leave hosts as they are that cannot go back")
    .action((_: DeployHostOptions, command: Command) =>
      withOrchestrator(command, async (orchestrator, { options, signal }) => {
        const giveUp = command.opts().giveUp ?? false;
        const deployment = await orchestrator.resume({ signal, giveUp });
        if (deployment !== undefined) return showEnd(deployment, { ...options, isWanted: giveUp });
        print(options.json ? "null" : "There is nothing to go on with.");
      })
    );
  addExamples(resume, ["llm-training deploy resume", "llm-training deploy resume --give-up"]);
}

function registerFreeze(deploy: Command): void {
  const freeze = addHostOptions(deploy.command("freeze"))
    .description("Let no model get live until deploy unfreeze; going back stays possible.")
    .option("--reason <text>", "why, for whoever wonders")
    .action((_: DeployHostOptions, command: Command) =>
      withOrchestrator(command, (orchestrator, { options }) => {
        const { reason = null } = command.opts();
        orchestrator.freeze({ reason });
        print(options.json ? JSON.stringify({ frozen: true, reason }) : "Deployments are frozen.");
      })
    );
  addExamples(freeze, ['llm-training deploy freeze --reason "the holidays"']);
  const unfreeze = addHostOptions(deploy.command("unfreeze"))
    .description("Let models get live again.")
    .action((_: DeployHostOptions, command: Command) =>
      withOrchestrator(command, (orchestrator, { options }) => {
        orchestrator.unfreeze();
        print(options.json ? JSON.stringify({ frozen: false }) : "Deployments go on.");
      })
    );
  addExamples(unfreeze, ["llm-training deploy unfreeze"]);
}

async function withOrchestrator(
  command: Command,
  work: (
    orchestrator: DeploymentOrchestrator,
    context: { readonly options: DeployHostOptions; readonly signal: AbortSignal },
  ) => void | Promise<void>,
): Promise<void> {
  // options that `deploy` itself has too are read by it, wherever they stand
  const options: DeployHostOptions = command.optsWithGlobals();
  const place = await readDeploySettings(options, command.parent ?? command);
  await interruptible(async (signal) => {
    using orchestrator = openOrchestrator(place, { onEvent: shower(options) });
    await work(orchestrator, { options, signal });
  });
}

/** Shows how a deployment goes on standard error; what changes all the time, in a terminal alone. */
function shower({ json = false }: DeployHostOptions): (event: DeploymentEvent) => void {
  const isTerminal = Deno.stderr.isTerminal();
  let shown = 0;
  return (event) => {
    if (event.kind === "over") return;
    if (event.kind !== "progress") {
      if (shown > 0) writeError(`\r${" ".repeat(shown)}\r`);
      shown = 0;
      printError(eventLine(event));
    } else if (isTerminal && !json) {
      const line = eventLine(event);
      writeError(`\r${line.padEnd(shown)}`);
      shown = line.length;
    }
  };
}

function showEnd(
  deployment: Deployment,
  { json = false, isWanted = false }: DeployHostOptions & {
    /** Whether somebody asked for it to come to nothing. */
    readonly isWanted?: boolean;
  },
): void {
  if (json) {
    print(
      JSON.stringify(
        { outcome: deployment.state, deployment: deploymentJson(deployment) },
        null,
        2,
      ),
    );
  } else deploymentLines(deployment).forEach(print);
  if (deployment.state !== "done" && !isWanted) throw new ExitError(EXIT.user);
}
