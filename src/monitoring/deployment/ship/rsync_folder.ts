/**
 * A model in a folder of another machine, by `rsync` over `ssh`.
 *
 * @module
 */

import { messageOf, UserError } from "../../../utils/errors.ts";
import type { ShippedPart } from "../model_parts.ts";

/** Where a folder is to be. */
export interface RsyncOptions {
  /** The machine, as `ssh` has it; null is this one. */
  readonly target: string | null;
  /** The folder there that it is to lie in. */
  readonly root: string;
  /** The environment of the programs. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

/**
 * Brings the folder of `part` there. What is there already is not sent again, and a folder under way has another name,
 * so that it appears whole.
 *
 * @throws {UserError} If a program is missing.
 * @throws {Error} If it fails, which it may do for want of a connection.
 */
export async function rsyncFolder(part: ShippedPart, options: RsyncOptions): Promise<void> {
  const { target, root } = options;
  const folder = `${root.replace(/\/+$/, "")}/${part.folder}`;
  const waiting = `${root.replace(/\/+$/, "")}/.${part.folder}.part`;
  // one that is there is compared, and put aside for as long as files of it are replaced
  await shell(
    `if [ -d ${quoted(folder)} ] && [ ! -d ${quoted(waiting)} ]; then cp -al ${quoted(folder)} ${
      quoted(waiting)
    }; fi; mkdir -p ${quoted(waiting)}`,
    options,
  );
  const place = `${target === null ? "" : `${target}:`}${waiting}/`;
  const sources = part.files.map(({ source }) => source);
  await command("rsync", [
    ...["--copy-links", "--times", "--checksum", "--partial", "--protect-args", "--", ...sources],
    place,
  ], options);
  const old = `${waiting}.old`;
  await shell(
    `rm -rf ${quoted(old)}; if [ -d ${quoted(folder)} ]; then mv ${quoted(folder)} ${
      quoted(old)
    }; fi; ` +
      `mv ${quoted(waiting)} ${quoted(folder)} && rm -rf ${quoted(old)}`,
    options,
  );
}

async function shell(script: string, options: RsyncOptions): Promise<void> {
  const { target } = options;
  if (target === null) await command("sh", ["-c", script], options);
  else await command("ssh", ["-o", "BatchMode=yes", "--", target, script], options);
}

async function command(
  program: string,
  args: readonly string[],
  { env, signal }: RsyncOptions,
): Promise<void> {
  let output: Deno.CommandOutput;
  try {
    const { PATH } = env;
    output = await new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      signal,
      ...(PATH === undefined ? {} : { env: { PATH } }),
    }).output();
  } catch (error) {
    signal.throwIfAborted();
    throw new UserError(
      `Cannot ship with "${program}": it cannot be started (${
        messageOf(error)
      }); install it, or ship another way`,
      { cause: error },
    );
  }
  signal.throwIfAborted();
  if (output.success) return;
  const words = new TextDecoder().decode(output.stderr).trim().split("\n").at(-1) ?? "";
  if (/No space left|disk quota/i.test(words)) {
    throw new UserError(`Cannot ship with "${program}": the disk of the host is full (${words})`);
  }
  throw new Error(`"${program}" ended with status ${output.code}: ${words}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
