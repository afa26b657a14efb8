/**
 * `keys`: the keys of a server's clients.
 *
 * @module
 */

import { type Command, Option } from "commander";
import {
  type ApiKey,
  createKey,
  KEY_ROLES,
  type KeyRole,
  readKeys,
  revokeKey,
} from "../inference/keys/key_file.ts";
import { homePaths, resolveHome } from "../utils/paths.ts";
import { columns } from "./columns.ts";
import { pathContext } from "./model_options.ts";
import { integerOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print, printError } from "./terminal.ts";

interface KeysOptions {
  readonly home?: string;
  readonly json?: boolean;
}

interface CreateOptions extends KeysOptions {
  readonly role: KeyRole;
  readonly requestsPerMinute?: number;
  readonly maxConcurrent?: number;
}

/** Adds `keys` and its commands to `program`. */
export function registerKeys(program: Command): void {
  const keys = program.command("keys").description(
    "Make, list and revoke the keys of a server's clients. The home's keys.json holds their hashes; while it holds " +
      "any, serve starts closed: nobody is let in without one. Keys made or revoked later count from the next request on.",
  );
  addExamples(keys, [
    "llm-training keys create alice --requests-per-minute 60",
    "llm-training keys create deployment --role admin",
    "llm-training keys list",
  ]);
  const creating = addShared(
    keys.command("create <name>")
      .description("Make a key and print it; it is stored nowhere, so it cannot be shown again.")
      .addOption(
        new Option("--role <role>", "read: ask the model; admin: change what is served too")
          .choices(KEY_ROLES).default("read"),
      )
      .option(
        "--requests-per-minute <number>",
        "the most requests within a minute (default: no limit)",
        integerOption({ min: 1 }),
      )
      .option(
        "--max-concurrent <number>",
        "the most requests at the same time (default: no limit)",
        integerOption({ min: 1 }),
      ),
  );
  addExamples(creating, [
    "llm-training keys create alice --requests-per-minute 60 --max-concurrent 4",
    "llm-training keys create deployment --role admin --json",
  ]).action(create);
  const listing = keys.command("list").description("List the keys: ids, names, roles and limits.");
  addExamples(addShared(listing), [
    "llm-training keys list",
    "llm-training keys list --json",
  ]).action(list);
  const revoking = keys.command("revoke <id>")
    .description("Take a key away, named by its id in the list.");
  addExamples(addShared(revoking), ["llm-training keys revoke 3f9a2c71"]).action(revoke);
}

function addShared(command: Command): Command {
  return command.option("--home <folder>", "the home folder").option(
    "--json",
    "print one JSON object",
  );
}

function keysPath({ home: flag }: KeysOptions): string {
  return homePaths(resolveHome({ ...pathContext(), flag }).path).keys;
}

async function create(name: string, options: CreateOptions): Promise<void> {
  const { role, requestsPerMinute = null, maxConcurrent = null } = options;
  const { secret, key } = await createKey(keysPath(options), {
    name,
    role,
    requestsPerMinute,
    maxConcurrent,
  });
  if (options.json) return print(JSON.stringify({ secret, ...key }));
  print(secret);
  printError(`key ${key.id} (${role}) for "${name}"; keep it: it is not shown again`);
}

async function list(options: KeysOptions): Promise<void> {
  const path = keysPath(options);
  const keys = (await readKeys(path)).map(({ sha256: _, ...key }) => key);
  if (options.json) return print(JSON.stringify({ file: path, keys }));
  if (keys.length === 0) {
    return printError(
      `there are no keys in "${path}"; make one with: llm-training keys create <name>`,
    );
  }
  const header = ["id", "role", "per minute", "concurrent", "created", "name"];
  for (const line of columns([header, ...keys.map(row)], { right: [2, 3] })) print(line);
}

function row({ id, role, requestsPerMinute, maxConcurrent, created, name }: ApiKey): string[] {
  return [id, role, String(requestsPerMinute ?? "–"), String(maxConcurrent ?? "–"), created, name];
}

async function revoke(id: string, options: KeysOptions): Promise<void> {
  const key = await revokeKey(keysPath(options), id);
  if (options.json) return print(JSON.stringify({ revoked: key.id }));
  print(`revoked ${key.id} (${key.role}) of "${key.name}"`);
}
