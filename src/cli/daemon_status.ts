/**
 * `daemon status`: what the daemon does, and whether it lives.
 *
 * @module
 */

import type { Command } from "commander";
import { type DaemonReport, keyPath, readDaemonReport } from "../core/daemon/status.ts";
import type { HomePaths } from "../utils/paths.ts";
import { systemClock } from "../utils/clock.ts";
import { formatBytes, formatDuration } from "../utils/format.ts";
import { EXIT, ExitError } from "./exit_status.ts";
import { addHomeOption, findHome, type HomeOption } from "./home_option.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";

interface StatusOptions extends HomeOption {
  readonly json?: boolean;
}

/** Adds `status` to the command `daemon`. */
export function registerDaemonStatus(daemon: Command): void {
  const command = daemon.command("status")
    .description(
      "Say what the daemon does. The exit status is 0 if it runs, and 3 if it does not.",
    );
  addHomeOption(command)
    .option("--json", "print it as JSON")
    .action((_: StatusOptions, self: Command) => printStatus(self.optsWithGlobals()));
  addExamples(command, ["llm-training daemon status", "llm-training daemon status --json"]);
}

/** Prints what the daemon does. */
export async function printStatus(options: StatusOptions): Promise<void> {
  const { home, paths } = findHome(options);
  const report = await freshReport(paths);
  if (options.json) print(JSON.stringify({ home, ...report }, null, 2));
  else describe(home, report).forEach(print);
  if (!report.running) throw new ExitError(EXIT.notRunning);
}

/** How long the daemon has to answer; what it wrote last has to do else. */
const ANSWER_MS = 2000;

/** Asks the daemon, if there is one that answers. */
async function freshReport(paths: HomePaths): Promise<DaemonReport> {
  const report = await readDaemonReport(paths, { clock: systemClock });
  const url = report.daemon?.url;
  if (report.liveness === "dead" || report.liveness === "stopped" || !url) return report;
  try {
    const key = (await Deno.readTextFile(keyPath(paths))).trim();
    const response = await fetch(`${url}/daemon/status`, {
      headers: { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const daemon = await response.json();
    if (!response.ok) return report;
    return { running: true, liveness: "running", heartbeat_age_seconds: 0, daemon };
  } catch {
    return report;
  }
}

function describe(
  home: string,
  { liveness, daemon, heartbeat_age_seconds: age }: DaemonReport,
): string[] {
  const heard = age === null
    ? "it never has"
    : `it last said something ${formatDuration(age * 1000)} ago`;
  const start = liveness === "stopped" ? "; start it with: llm-training daemon" : "";
  const lines = [`The daemon of ${home} ${WORDS[liveness]}; ${heard}${start}`];
  if (daemon === null) return lines;
  if (liveness === "running") {
    const { state, reason, job } = daemon;
    lines.push(`${state}${reason === null ? "" : `: ${reason}`}`);
    if (job !== null) {
      const { step, total_steps: total, loss } = job.progress ?? {};
      lines.push(
        `job ${job.id} (${job.name}): step ${step} of ${total ?? "?"}` +
          (typeof loss === "number" ? `, loss ${loss.toFixed(4)}` : ""),
      );
    }
  }
  const counts = Object.entries(daemon.queue).filter(([, count]) => count > 0);
  lines.push(`jobs: ${counts.map(([state, count]) => `${count} ${state}`).join(", ") || "none"}`);
  if (daemon.live !== null) lines.push(`live model: ${daemon.live.checkpoint}`);
  if (daemon.disk_free_bytes !== null) {
    lines.push(`free on the disk: ${formatBytes(daemon.disk_free_bytes)}`);
  }
  if (liveness === "running" && daemon.api_url !== null) {
    lines.push(`API of fine-tuning: ${daemon.api_url}/v1`);
  }
  return lines;
}

const WORDS: Readonly<Record<DaemonReport["liveness"], string>> = {
  running: "runs",
  silent: "runs but says nothing: it may hang",
  dead: "is dead: it ended without having been told to",
  stopped: "does not run",
};
