/**
 * From the inbox to the queue.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import { isDiskFull } from "../../utils/file_error.ts";
import type { DaemonContext } from "./context.ts";
import { type ArrivedFile, type Inbox, removeTaken } from "./inbox.ts";
import { takeIn, type TakenIn } from "./intake.ts";
import { NO_SIDECAR, readSidecar, sidecarPath } from "./sidecar.ts";

/** The folder of the inbox for files that cannot be taken. */
const REFUSED_FOLDER = ".refused";

/** Takes what has arrived; returns whether there is something to do now. */
export async function takeArrived(
  context: DaemonContext,
  inbox: Inbox,
  signal: AbortSignal,
): Promise<boolean> {
  let isNew = false;
  for (const file of await inbox.arrived()) {
    if (signal.aborted) break;
    const sidecar = sidecarPath(file.path);
    try {
      const taken = await takeFile(context, { ...file, sidecar });
      isNew ||= taken.job.state === "queued";
      tell(context, file, taken);
    } catch (error) {
      if (isDiskFull(error) || !(error instanceof UserError)) throw error;
      await refuse(context, { ...file, sidecar, error });
    }
  }
  return isNew;
}

interface FileWithSidecar extends ArrivedFile {
  readonly sidecar: string | undefined;
}

async function takeFile(
  context: DaemonContext,
  { path, name, sidecar }: FileWithSidecar,
): Promise<TakenIn> {
  const { paths, settings: { maxFailures } } = context;
  const said = sidecar === undefined ? NO_SIDECAR : await readSidecar(sidecar);
  const taken = await takeIn({ ...context, maxFailures }, { path, name, source: "inbox", ...said });
  // not before: until the job is queued, the file is all there is
  await removeTaken(paths.inbox, { path, sidecar });
  return taken;
}

function tell({ log }: DaemonContext, { name }: ArrivedFile, { job, isNew }: TakenIn): void {
  const error = job.error === null ? "" : `: ${job.error}`;
  log({
    level: isNew && job.state === "failed" ? "error" : "info",
    message: isNew
      ? `Took "${name}" from the inbox as job ${job.id}${error}`
      : `Took "${name}" from the inbox: its content is that of job ${job.id}, which is ${job.state}`,
    details: { job: job.id, file: name },
  });
}

/** Puts a file aside that cannot be taken, with the reason beside it. */
async function refuse(
  { paths, log }: DaemonContext,
  { path, name, sidecar, error }: FileWithSidecar & { readonly error: UserError },
): Promise<void> {
  if (!existsSync(path)) return; // somebody took it away while it was read
  const folder = join(paths.inbox, REFUSED_FOLDER);
  await Deno.mkdir(folder, { recursive: true });
  for (const each of [path, sidecar]) {
    if (each !== undefined) await Deno.rename(each, join(folder, basename(each)));
  }
  await writeFileAtomic(join(folder, `${basename(path)}.reason.txt`), `${error.message}\n`);
  const message = `Put "${name}" aside in "${folder}": ${error.message}`;
  log({ level: "error", message, details: { file: name } });
}
