/**
 * The daemon as a unit of systemd.
 *
 * @module
 */

/** The name of the unit. */
export const UNIT_NAME = "llm-training-daemon.service";

/** Options of {@linkcode systemdUnit}. */
export interface UnitOptions {
  /** The executable, and what goes before the arguments of `llm-training`. */
  readonly program: readonly string[];
  /** The home folder. */
  readonly home: string;
  /** Further arguments of `daemon`. */
  readonly flags: readonly string[];
  /** Whether it is for one user alone. */
  readonly user: boolean;
}

/** Returns the unit. Stopping it gives the trainer time to save. */
export function systemdUnit({ program, home, flags, user }: UnitOptions): string {
  const command = [...program, "daemon", "--home", home, ...flags].map(quoted).join(" ");
  return `[Unit]
Description=llm-training daemon of ${home.replaceAll("%", "%%")}
${user ? "" : "After=network-online.target\nWants=network-online.target\n"}
[Service]
ExecStart=${command}
KillMode=mixed
TimeoutStopSec=180
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=1 2
SuccessExitStatus=130

[Install]
WantedBy=${user ? "default.target" : "multi-user.target"}
`;
}

/** Writes an argument as systemd reads it: % and $ are its own, quotes and backslashes are escaped. */
function quoted(argument: string): string {
  const escaped = argument.replaceAll("%", "%%").replaceAll("$", "$$$$").replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"');
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}
