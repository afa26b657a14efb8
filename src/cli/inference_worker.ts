/**
 * The processes that compute for `serve`, and how they are started.
 *
 * @module
 */

import { chooseDevice, type DeviceChoice, type DeviceWish } from "../engine/runtime/devices.ts";
import { type ErrorData, fromErrorData, toErrorData } from "../inference/worker_protocol.ts";
import { describeEnd, hostProcess, startWorkerProcess } from "../inference/worker_process.ts";
import type { ServeOptions } from "../inference/serve.ts";
import { UserError } from "../utils/errors.ts";
import { EXIT } from "./exit_status.ts";
import { STOP_SIGNALS } from "./interrupt.ts";
import { INFERENCE_WORKER } from "./commands.ts";
import { ownProgram } from "./own_program.ts";
import { print } from "./terminal.ts";

/** The argument with which a process only says which device it would take. */
const CHOOSE = "--choose";

/** What such a process prints. */
type ChoiceAnswer = { readonly choice: DeviceChoice } | { readonly error: ErrorData };

/**
 * Returns how `serve` has others compute, each in a process of its own; nothing where the program cannot start itself:
 * from a URL, or without the right to.
 */
export async function workerProcesses(): Promise<
  Pick<ServeOptions, "createWorker" | "chooseDevice">
> {
  const [program, ...args] = ownProgram();
  if (/^https?:/.test(args.at(-1) ?? "")) return {};
  const { state } = await Deno.permissions.query({ name: "run", command: program });
  if (state !== "granted") return {};
  const command = [program, ...args, INFERENCE_WORKER] as const;
  return {
    createWorker: () => startWorkerProcess(command),
    chooseDevice: once((wish) =>
      wish === "wasm" ? chooseDevice(wish) : chooseElsewhere(wish, command)
    ),
  };
}

type Choose = (wish: DeviceWish) => Promise<DeviceChoice>;

/** Remembers what was chosen: a process takes a while to start, and a machine keeps its devices. */
function once(choose: Choose): Choose {
  const choices = new Map<DeviceWish, Promise<DeviceChoice>>();
  return (wish) => {
    const known = choices.get(wish);
    if (known !== undefined) return known;
    const choice = choose(wish);
    choices.set(wish, choice);
    choice.catch(() => choices.delete(wish));
    return choice;
  };
}

/** Chooses a device in a process that ends: drivers and libraries that are looked at stay in memory till then. */
async function chooseElsewhere(
  wish: DeviceWish,
  [program, ...args]: readonly [string, ...string[]],
): Promise<DeviceChoice> {
  const output = await new Deno.Command(program, {
    args: [...args, CHOOSE, wish],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (!output.success) {
    throw new UserError(
      `Cannot find out about device "${wish}": ${describeEnd(output)}; choose another by --device`,
    );
  }
  const answer: ChoiceAnswer = JSON.parse(new TextDecoder().decode(output.stdout));
  if ("error" in answer) throw fromErrorData(answer.error);
  return answer.choice;
}

/** Computes for the server that started this process, until it ends; returns the exit status. */
export async function runInferenceWorker(
  [flag, wish = "auto"]: readonly string[],
): Promise<number> {
  // Ctrl-C reaches all processes of a terminal: the server has it finish what runs
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, () => {});
  if (flag === CHOOSE) {
    const answer: ChoiceAnswer = await chooseDevice(wish as DeviceWish).then(
      (choice) => ({ choice }),
      (error) => ({ error: toErrorData(error) }),
    );
    print(JSON.stringify(answer));
    return EXIT.ok;
  }
  const { loadModel } = await import("../inference/generation/load_model.ts");
  await hostProcess({ input: Deno.stdin.readable, output: Deno.stdout }, loadModel);
  return EXIT.ok;
}
