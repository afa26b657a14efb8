/**
 * Commands and the status of the daemon over HTTP, for who has its key.
 *
 * @module
 */

import type { Hono } from "hono";
import { requireApiKey } from "../../../inference/http/guards.ts";
import { ApiError } from "../../../inference/http/api_error.ts";
import {
  CONTROL_COMMANDS,
  type ControlAnswer,
  type ControlCommand,
  isControlCommand,
} from "../control.ts";
import type { DaemonStatus } from "../status.ts";

/** What the routes do. */
export interface ControlService {
  /** Carries a command out. */
  readonly command: (command: ControlCommand, reason?: string) => Promise<ControlAnswer>;
  /** Says what the daemon does. */
  readonly status: () => Promise<DaemonStatus>;
}

/** Adds the routes to `app`. */
export function addControlRoutes(
  app: Hono,
  { service, key }: { readonly service: ControlService; readonly key: string },
): void {
  app.use("/daemon/*", requireApiKey(key));
  app.get("/daemon/status", async (c) => c.json(await service.status()));
  app.post("/daemon/:command", async (c) => {
    const command = c.req.param("command");
    if (!isControlCommand(command)) {
      throw new ApiError(
        404,
        `There is no command "${command}"; known are ${CONTROL_COMMANDS.join(", ")}`,
        {
          code: "unknown_command",
        },
      );
    }
    const reason = c.req.query("reason");
    return c.json(await service.command(command, reason));
  });
}
