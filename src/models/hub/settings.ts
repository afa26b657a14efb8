/**
 * What the environment says of the hub, in the variables that Hugging Face's own tools read.
 *
 * @module
 */

import { join } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { hubCache, hubHome, type PathContext } from "../../utils/paths.ts";

/** Where models come from and where they are kept. */
export interface HubSettings {
  /** Address of the hub, without a slash at its end. */
  readonly endpoint: string;
  /** Folder of the downloaded repositories. */
  readonly cache: string;
  /** What proves who is asking; `undefined` asks as nobody. */
  readonly token: string | undefined;
  /** Whether nothing may be asked of the hub. */
  readonly offline: boolean;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";
const YES = /^(?:1|on|yes|true)$/i;

/**
 * Reads `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_OFFLINE` and
 * `HF_HUB_DISABLE_IMPLICIT_TOKEN`, and the token that `hf auth login` has saved.
 *
 * @throws {UserError} If the endpoint is no address.
 */
export async function hubSettings(context: PathContext): Promise<HubSettings> {
  const { env } = context;
  return {
    endpoint: checkedEndpoint(env.HF_ENDPOINT || DEFAULT_ENDPOINT),
    cache: hubCache(context),
    token: YES.test(env.HF_HUB_DISABLE_IMPLICIT_TOKEN ?? "") ? undefined : await readToken(context),
    offline: YES.test(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE || ""),
  };
}

function checkedEndpoint(endpoint: string): string {
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UserError(
      `Cannot use HF_ENDPOINT "${endpoint}": it must be an address such as ${DEFAULT_ENDPOINT}`,
    );
  }
  return endpoint.replace(/\/+$/, "");
}

async function readToken(context: PathContext): Promise<string | undefined> {
  const { env } = context;
  const given = (env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN)?.trim();
  if (given) return given;
  const path = env.HF_TOKEN_PATH || join(hubHome(context), "token");
  try {
    return (await Deno.readTextFile(path)).trim() || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw fileError("read", path, error);
  }
}
