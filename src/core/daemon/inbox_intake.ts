/**
 * From the inbox to the queue.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { removeIfThere, writeFileAtomic } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import { isDiskFull } from "../../utils/file_error.ts";
import type { DaemonContext } from "./context.ts";
import { ChangedFileError } from "./dataset_store.ts";
import { type ArrivedFile, filesAside, type Inbox, setAside, type TakenFile } from "./inbox.ts";
import { takeIn, type TakenIn } from "./intake.ts";
import { originPath, readBeside, sidecarPath } from "./sidecar.ts";

/** The folder of the inbox for files that cannot be taken. */
const REFUSED_FOLDER = ".refused";

/** Takes what has arrived; returns whether there is something to do now. */
export async function takeArrived(
  context: DaemonContext,
  inbox: Inbox,
  signal: AbortSignal,
): Promise<boolean> {
  const { paths, settings: { maxFailures }, clock } = context;
  for (const file of await inbox.arrived()) {
    const order = Math.round(clock());
    const beside = [sidecarPath(file.path), originPath(file.path)].filter((each) =>
      each !== undefined
    );
    await setAside(paths.inbox, file, { order, beside });
  }
  let isNew = false;
  for (const file of await filesAside(paths.inbox)) {
    if (signal.aborted) break;
    const { path, name, folder } = file;
    try {
      const said = await readBeside(path);
      const taken = await takeIn({ ...context, maxFailures }, {
        path,
        name,
        source: "inbox",
        ...said,
      });
      // not before: until the job is queued, the file is all there is
      await removeIfThere(folder);
      isNew ||= taken.job.state === "queued";
      tell(context, file, taken);
    } catch (error) {
      if (isDiskFull(error) || !(error instanceof UserError)) throw error;
      // somebody still writes it: it is looked at again
      if (!(error instanceof ChangedFileError)) await refuse(context, { ...file, error });
    }
  }
  return isNew;
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

/** Keeps a file that cannot be taken, with the reason beside it. */
async function refuse(
  { paths, log }: DaemonContext,
  { path, name, folder, error }: TakenFile & { readonly error: UserError },
): Promise<void> {
  const refused = join(paths.inbox, REFUSED_FOLDER);
  await Deno.mkdir(refused, { recursive: true });
  for await (const { name } of Deno.readDir(dirname(path))) {
    await Deno.rename(join(dirname(path), name), join(refused, name));
  }
  await removeIfThere(folder);
  await writeFileAtomic(join(refused, `${basename(path)}.reason.txt`), `${error.message}\n`);
  const message = `Put "${name}" into "${refused}": ${error.message}`;
  log({ level: "error", message, details: { file: name } });
}
