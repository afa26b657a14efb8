/**
 * `health`: whether a server is ready, for whatever looks after it and has no other client.
 *
 * @module
 */

import type { Command } from "commander";
import { urlHost } from "../inference/listen.ts";
import { DEFAULT_PORT, SERVE_SETTINGS } from "../inference/serve_settings.ts";
import { messageOf, UserError } from "../utils/errors.ts";
import { resolveSettings } from "../utils/settings/layers.ts";
import { anySettings } from "../utils/settings/setting.ts";
import { pathContext } from "./model_options.ts";
import { integerOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { readHome } from "./settings_layer.ts";
import { print } from "./terminal.ts";

interface HealthOptions {
  readonly url?: string;
  readonly timeout: number;
  readonly wait: number;
  readonly json?: boolean;
}

/** What a server says of itself, and where it was asked. */
interface Readiness {
  readonly url: string;
  readonly ready: boolean;
  /** What it serves, or why it is not ready. */
  readonly detail: string;
}

/** How long to wait before asking again. */
const RETRY_MS = 100;

/** Adds `health` to `program`. */
export function registerHealth(program: Command): void {
  const command = program.command("health")
    .description(
      "Ask a server whether requests may be sent to it (GET /ready), and end with status 0 if so and 1 if not: " +
        "for containers and scripts, which then need no other client. No key is needed.",
    )
    .option(
      "--url <url>",
      `where the server listens (default: this machine, at the port of the settings of serve, else ${DEFAULT_PORT})`,
    )
    .option("--timeout <seconds>", "how long one answer may take", integerOption({ min: 1 }), 5)
    .option(
      "--wait <seconds>",
      "ask again until it is ready, for at most so long",
      integerOption({ min: 0 }),
      0,
    )
    .option("--json", "print the answer as JSON")
    .action(run);
  addExamples(command, [
    "llm-training health",
    "llm-training health --url http://127.0.0.1:8080 --wait 60",
    "llm-training health --json",
  ]);
}

async function run({ url, timeout, wait, json }: HealthOptions): Promise<void> {
  const base = url === undefined ? await ownServer() : baseOf(url);
  const deadline = performance.now() + wait * 1000;
  const ask = () => askReadiness(base, { timeoutMs: timeout * 1000 });
  let answer = await ask();
  while (!answer.ready && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    answer = await ask();
  }
  if (json) print(JSON.stringify(answer));
  if (!answer.ready) {
    throw new UserError(
      `Cannot send requests to ${base}: ${answer.detail}; start a server with "llm-training serve", ` +
        "name another by --url, or wait for it with --wait <seconds>",
    );
  }
  if (!json) print(`ready: ${answer.detail} at ${base}`);
}

/** Where `serve` listens by the home's settings, as this machine reaches it. */
async function ownServer(): Promise<string> {
  const table = anySettings(SERVE_SETTINGS);
  const reader = { command: "serve", table, context: pathContext(), onWarning: () => {} };
  const settings = resolveSettings(table, [await readHome(reader)]);
  const host = String(settings["host"]?.value);
  const reached = ANY_ADDRESS.includes(host) ? "127.0.0.1" : host;
  return `http://${urlHost(reached)}:${settings["port"]?.value}`;
}

/** Addresses that stand for all of a machine's. */
const ANY_ADDRESS: readonly string[] = ["0.0.0.0", "::"];

function baseOf(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new UserError(
      `Cannot ask "${url}": --url takes an address such as http://127.0.0.1:${DEFAULT_PORT}`,
    );
  }
  return url.replace(/\/+(?:v1\/*)?$/, "");
}

async function askReadiness(
  url: string,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<Readiness> {
  try {
    const response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(timeoutMs) });
    return { url, ready: response.ok, detail: detailOf(await response.text(), response.status) };
  } catch (error) {
    return { url, ready: false, detail: reasonOf(error) };
  }
}

/** The names of models, or the message of an error, as servers say them. */
function detailOf(text: string, status: number): string {
  const answer = jsonOf(text);
  const { model, error } = answer;
  if (typeof model === "string" && status === 200) return model;
  const message = typeof error === "object" && error !== null && "message" in error
    ? `: ${error.message}`
    : "";
  return status === 200 ? "the server" : `it answers with status ${status}${message}`;
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return "it does not answer";
  // What failed is in the cause, after what was done and where
  const { message } = error instanceof Error && error.cause instanceof Error
    ? error.cause
    : new Error(messageOf(error));
  if (/connection refused/i.test(message)) return "nothing listens there";
  return message.split(": ").at(-1)!;
}
