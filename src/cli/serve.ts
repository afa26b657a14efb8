/**
 * `serve`: the OpenAI-compatible server.
 *
 * @module
 */

import type { Command } from "commander";
import { DEFAULT_PORT, serve } from "../inference/serve.ts";
import { InterruptedError } from "./exit_status.ts";
import { untilStopped } from "./interrupt.ts";
import {
  addModelOptions,
  findModelAndAdapter,
  type ModelOptions,
  pathContext,
} from "./model_options.ts";
import { integerOption, repeatedOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { muteSignalAdvice } from "./signal_advice.ts";
import { print, printError } from "./terminal.ts";

/** The environment variable that holds the API key, so that it need not be seen on the command line. */
const API_KEY_VARIABLE = "LLM_TRAINING_API_KEY";

/** What the command line gives. */
interface ServeOptions extends ModelOptions {
  readonly name?: string;
  readonly host: string;
  readonly port: number;
  readonly apiKey?: string;
  readonly insecureNoApiKey?: boolean;
  readonly corsOrigin?: readonly string[];
  readonly maxRunning: number;
  readonly maxQueue: number;
}

/** Adds `serve` to `program`. */
export function registerServe(program: Command): void {
  const command = program.command("serve")
    .description(
      "Serve a model with OpenAI's API: /v1/chat/completions, /v1/completions, /v1/models. " +
        "/openapi.json describes it, /health says whether the model can answer.",
    );
  addModelOptions(command)
    .option("--name <name>", "the model's name in the API (default: that of its folder)")
    .option("--host <address>", "the address to listen on", "127.0.0.1")
    .option(
      "--port <number>",
      "the port to listen on; 0 takes a free one",
      integerOption({ min: 0, max: 65535 }),
      DEFAULT_PORT,
    )
    .option("--api-key <key>", `the key that clients must send (default: $${API_KEY_VARIABLE})`)
    .option("--insecure-no-api-key", "let other machines use the model without a key")
    .option(
      "--cors-origin <origin>",
      "let this web page call; may be given several times",
      repeatedOption,
    )
    .option("--max-running <number>", "the most texts made at once", integerOption({ min: 1 }), 16)
    .option(
      "--max-queue <number>",
      "refuse requests while this many texts wait",
      integerOption({ min: 1 }),
      64,
    )
    .action(run);
  addExamples(command, [
    "llm-training serve --model runs/my-run",
    "llm-training serve --model my-model --host 0.0.0.0 --port 8080 --api-key $(openssl rand -hex 16)",
    "llm-training serve --model my-model --device wasm --threads 2 --max-queue 16",
  ]);
}

async function run(options: ServeOptions): Promise<void> {
  muteSignalAdvice();
  const { device, threads, host, port, corsOrigin, maxRunning, maxQueue } = options;
  const place = await findModelAndAdapter(options, { context: pathContext() });
  const apiKey = options.apiKey ?? Deno.env.get(API_KEY_VARIABLE);
  await using server = await serve({
    load: {
      folder: place.folder,
      adapter: place.adapter,
      id: options.name ?? place.id,
      device,
      ...(threads === undefined ? {} : { threads }),
      limits: { maxRunning, maxQueue },
    },
    host,
    port,
    ...(apiKey === undefined || apiKey === "" ? {} : { apiKey }),
    allowWithoutKey: options.insecureNoApiKey ?? false,
    corsOrigins: corsOrigin ?? [],
    onError: (error) => printError(describe(error)),
  });
  const { id, device: chosen, deviceReason } = server.model;
  print(`Serving ${id} on ${chosen} at ${server.url}/v1`);
  printError(`${chosen}: ${deviceReason}`);
  const stoppedBy = await untilStopped();
  printError("Finishing what runs; Ctrl-C again ends at once");
  await server.shutdown();
  if (stoppedBy === "SIGINT") throw new InterruptedError();
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
