/**
 * `daemon install`: a unit of systemd that runs the daemon.
 *
 * @module
 */

import type { Command } from "commander";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemdUnit, UNIT_NAME } from "../core/daemon/systemd_unit.ts";
import { writeFileAtomic } from "../utils/atomic_file.ts";
import { UserError } from "../utils/errors.ts";
import { fileError } from "../utils/file_error.ts";
import { ownProgram } from "./own_program.ts";
import { addHomeOption, findHome, type HomeOption } from "./home_option.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";

interface InstallOptions extends HomeOption {
  readonly user?: boolean;
  readonly print?: boolean;
  readonly force?: boolean;
}

/** Adds `install` to the command `daemon`. */
export function registerInstall(daemon: Command): void {
  const command = daemon.command("install [flags...]")
    .description(
      "Write a unit by which systemd runs the daemon, with the flags after --, and starts it again if it dies.",
    );
  addHomeOption(command)
    .option("--user", "for you alone; without it for the whole machine, as root")
    .option("--print", "print the unit and write nothing")
    .option("--force", "replace a unit that is there")
    .action((flags: readonly string[], _: InstallOptions, self: Command) =>
      install(flags, self.optsWithGlobals())
    );
  addExamples(command, [
    "llm-training daemon install --user",
    "llm-training daemon install --user --home /data/llm -- --port 8770 --policy base",
  ]);
}

async function install(flags: readonly string[], options: InstallOptions): Promise<void> {
  const { home, context } = findHome(options);
  const { user = false, force = false } = options;
  const unit = systemdUnit({ program: ownProgram(), home, flags, user });
  if (options.print) return print(unit.trimEnd());
  if (Deno.build.os !== "linux") {
    throw new UserError("Cannot install a unit: systemd is there on Linux only; see --print");
  }
  const path = join(unitFolder(user, context.env), UNIT_NAME);
  if (existsSync(path) && !force) {
    throw new UserError(`Cannot write "${path}": it is there already; add --force to replace it`);
  }
  try {
    await Deno.mkdir(join(path, ".."), { recursive: true });
  } catch (error) {
    throw fileError("create", path, error);
  }
  await writeFileAtomic(path, unit);
  const systemctl = `systemctl${user ? " --user" : ""}`;
  print(`wrote ${path}`);
  print(`start it with: ${systemctl} daemon-reload && ${systemctl} enable --now ${UNIT_NAME}`);
  if (user) print("let it run while you are not logged in: loginctl enable-linger");
}

function unitFolder(user: boolean, env: Readonly<Record<string, string | undefined>>): string {
  if (!user) return "/etc/systemd/system";
  const config = env.XDG_CONFIG_HOME || join(env.HOME ?? "", ".config");
  return join(config, "systemd", "user");
}
