/**
 * Commands as files, for shell scripts: `touch control/pause`. The file goes away when the command has been carried
 * out; `control/pause.done` then says what was done.
 *
 * @module
 */

import { join } from "node:path";
import { removeIfThere, writeFileAtomic } from "../../utils/atomic_file.ts";
import { fileError } from "../../utils/file_error.ts";
import { CONTROL_COMMANDS, type ControlAnswer, type ControlCommand } from "./control.ts";

/** Returns the commands for which there are files in `folder`; a dot before the name is fine. */
export async function readControlFiles(folder: string): Promise<readonly ControlCommand[]> {
  const names = new Set<string>();
  try {
    for await (const { name } of Deno.readDir(folder)) names.add(name.replace(/^\./, ""));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError("list", folder, error);
  }
  return CONTROL_COMMANDS.filter((command) => names.has(command));
}

/** Says what was done about the file of a command, and removes it. */
export async function answerControlFile(folder: string, answer: ControlAnswer): Promise<void> {
  await writeFileAtomic(join(folder, `${answer.command}.done`), `${JSON.stringify(answer)}\n`);
  await removeIfThere(join(folder, answer.command));
  await removeIfThere(join(folder, `.${answer.command}`));
}
