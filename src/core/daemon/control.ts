/**
 * What the daemon can be told, and its answers.
 *
 * @module
 */

/** Everything that the daemon can be told. */
export const CONTROL_COMMANDS = ["pause", "resume", "skip", "stop", "checkpoint-now"] as const;

/** What the daemon can be told. */
export type ControlCommand = (typeof CONTROL_COMMANDS)[number];

/** What was done about a command; it is given when that has been done. */
export interface ControlAnswer {
  /** The command. */
  readonly command: ControlCommand;
  /** What was done, in a few words. */
  readonly outcome: string;
  /** The job that it was done to; null if none was running. */
  readonly job_id: string | null;
  /** Optimizer steps done when the trainer read it; null where no trainer was concerned. */
  readonly requested_at_step: number | null;
  /** Steps of that job which are saved now; null where no trainer was concerned. */
  readonly step: number | null;
  /** When, as ISO 8601. */
  readonly at: string;
}

/** Whether `name` is a command. */
export function isControlCommand(name: string): name is ControlCommand {
  return (CONTROL_COMMANDS as readonly string[]).includes(name);
}
