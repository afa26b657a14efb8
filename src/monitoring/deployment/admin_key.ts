/**
 * The admin keys of hosts, which lie in no file of settings.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import type { HostSettings } from "./host_settings.ts";

/**
 * Returns the admin key of a host.
 *
 * @throws {UserError} If there is none.
 */
export async function readAdminKey(
  { name, keyFile, keyVariable }: HostSettings,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  if (keyFile !== null) {
    try {
      const key = (await Deno.readTextFile(keyFile)).trim();
      if (key !== "") return key;
    } catch (error) {
      throw fileError("read", keyFile, error);
    }
    throw new UserError(`Cannot reach host "${name}": the file "${keyFile}" holds no key`);
  }
  const key = env[keyVariable]?.trim();
  if (key) return key;
  throw new UserError(
    `Cannot reach host "${name}" without an admin key: set the variable ${keyVariable}; ` +
      "llm-training keys create <name> --role admin makes one on the host",
  );
}
