/**
 * `serve`: the OpenAI-compatible server.
 *
 * @module
 */

import type { Command } from "commander";
import type { NamedAdapter } from "../inference/generation/load_adapters.ts";
import { DEFAULT_PORT, serve } from "../inference/serve.ts";
import { UserError } from "../utils/errors.ts";
import { InterruptedError } from "./exit_status.ts";
import { untilStopped } from "./interrupt.ts";
import {
  addModelOptions,
  findAdapter,
  findModelAndAdapter,
  type ModelOptions,
  pathContext,
} from "./model_options.ts";
import { integerOption, repeatedOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print, printError } from "./terminal.ts";

/** The environment variable that holds the API key, so that it need not be seen on the command line. */
const API_KEY_VARIABLE = "LLM_TRAINING_API_KEY";

/** What the command line gives. */
interface ServeOptions extends Omit<ModelOptions, "adapter"> {
  readonly adapter?: readonly string[];
  readonly name?: string;
  readonly host: string;
  readonly port: number;
  readonly apiKey?: string;
  readonly insecureNoApiKey?: boolean;
  readonly corsOrigin?: readonly string[];
  readonly maxRunning: number;
  readonly maxQueue: number;
  readonly cacheMemory: number;
  readonly prefixMemory: number;
  readonly speculate: number;
}

/** Adds `serve` to `program`. */
export function registerServe(program: Command): void {
  const command = program.command("serve")
    .description(
      "Serve a model with OpenAI's API: /v1/chat/completions, /v1/completions, /v1/models. " +
        "/openapi.json describes it, /health says whether the model can answer.",
    );
  addModelOptions(command, { weights: "auto", severalAdapters: true })
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
    .option(
      "--cache-memory <MiB>",
      "the most memory for the texts that are made at once; a text ends where it is full",
      integerOption({ min: 1 }),
      2048,
    )
    .option(
      "--prefix-memory <MiB>",
      "the most memory for beginnings that later texts share; 0 remembers none",
      integerOption({ min: 0 }),
      512,
    )
    .option(
      "--speculate <tokens>",
      "speculate: guess up to so many tokens by looking them up in the text so far, while one text is made alone; " +
        "faster where texts repeat themselves, and the same texts otherwise",
      integerOption({ min: 0, max: 16 }),
      0,
    )
    .action(run);
  addExamples(command, [
    "llm-training serve --model runs/my-run",
    "llm-training serve --model my-model --host 0.0.0.0 --port 8080 --api-key $(openssl rand -hex 16)",
    "llm-training serve --model my-model --device wasm --threads 2 --max-queue 16",
    "llm-training serve --model my-model --adapter polite=runs/polite --adapter terse=runs/terse",
  ]);
}

async function run(options: ServeOptions): Promise<void> {
  muteSignalAdvice();
  const { device, threads, weights, host, port, corsOrigin, maxRunning, maxQueue } = options;
  const { alone, named } = await findAdapters(options);
  const place = await findModelAndAdapter(
    { model: options.model, ...(alone === undefined ? {} : { adapter: alone }) },
    { context: pathContext() },
  );
  const apiKey = options.apiKey ?? Deno.env.get(API_KEY_VARIABLE);
  await using server = await serve({
    load: {
      folder: place.folder,
      adapter: place.adapter,
      id: options.name ?? place.id,
      device,
      ...(threads === undefined ? {} : { threads }),
      weights,
      adapters: named,
      limits: {
        maxRunning,
        maxQueue,
        cacheBytes: options.cacheMemory * 2 ** 20,
        prefixBytes: options.prefixMemory * 2 ** 20,
        maxDrafts: options.speculate,
      },
    },
    host,
    port,
    ...(apiKey === undefined || apiKey === "" ? {} : { apiKey }),
    allowWithoutKey: options.insecureNoApiKey ?? false,
    corsOrigins: corsOrigin ?? [],
    onError: (error) => printError(describe(error)),
  });
  const { id, device: chosen, deviceReason, weightType } = server.model;
  print(`Serving ${id} on ${chosen} at ${server.url}/v1`);
  printError(`weights: ${weightType}`);
  printError(`${chosen}: ${deviceReason}`);
  const stoppedBy = await untilStopped();
  printError("Finishing what runs; Ctrl-C again ends at once");
  await server.shutdown();
  if (stoppedBy === "SIGINT") throw new InterruptedError();
}

/** The adapters of the command line: one without a name, which changes the model for all, or several with names. */
async function findAdapters(
  { adapter = [] }: Pick<ServeOptions, "adapter">,
): Promise<{ readonly alone: string | undefined; readonly named: readonly NamedAdapter[] }> {
  const unnamed = adapter.filter((given) => !NAMED.test(given));
  if (unnamed.length > 1 || unnamed.length === 1 && adapter.length > 1) {
    throw new UserError(
      `Cannot use --adapter "${
        unnamed[0]
      }" beside others: give each a name, as in --adapter polite=${unnamed[0]}`,
    );
  }
  const named: NamedAdapter[] = [];
  for (const given of adapter) {
    const { name, place } = NAMED.exec(given)?.groups ?? {};
    if (name === undefined || place === undefined) continue;
    named.push({ name, folder: await findAdapter(place, { context: pathContext() }) });
  }
  return { alone: unnamed[0], named };
}

/** An adapter with a name. */
const NAMED = /^(?<name>[\w.:-]+)=(?<place>.+)$/;

/**
 * Deno tells whoever writes a server that the signals of requests also abort after an answer, which does no harm here,
 * and an executable cannot switch that off.
 */
function muteSignalAdvice(): void {
  const { warn } = console;
  // deno-lint-ignore no-console -- Deno prints its advice through the console, so only there can it be left out
  console.warn = (...data: unknown[]) => {
    if (!String(data[0]).startsWith("Deno.serve: request.signal")) warn(...data);
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
