/**
 * Runs Deno's own commands.
 *
 * @module
 */

/**
 * Runs `deno` with `args` and `env` besides the environment, its messages shown, and returns what it printed to standard output.
 *
 * @throws {Error} If it fails.
 */
export async function runDeno(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    env,
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot run "deno ${args[0]}": it failed`);
  return new TextDecoder().decode(stdout);
}
