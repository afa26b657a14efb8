/**
 * Short names of models on the hub: `configs/aliases.json`. Where there is a version that follows instructions,
 * it is the one that is meant.
 *
 * @module
 */

import aliases from "../../configs/aliases.json" with { type: "json" };
import { type HubReference, parseHubReference } from "./hub/reference.ts";

/** The repository of each alias. */
export const MODEL_ALIASES: Readonly<Record<string, string>> = aliases;

/** Returns the model that `name` (`alias` or `alias@revision`) stands for, `undefined` if it is no alias. */
export function findAlias(name: string): HubReference | undefined {
  const at = name.indexOf("@");
  const alias = at < 0 ? name : name.slice(0, at);
  if (!Object.hasOwn(MODEL_ALIASES, alias)) return undefined;
  return parseHubReference(`${MODEL_ALIASES[alias]}${at < 0 ? "" : name.slice(at)}`);
}
