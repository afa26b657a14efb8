/**
 * From adapters' folders to adapters that sequences choose from.
 *
 * @module
 */

import { tensor } from "../../engine/tensor/tensor.ts";
import { openAdapter } from "../../models/adapters/folder.ts";
import { adapterLayout, loraNames } from "../../models/adapters/weights.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { UserError } from "../../utils/errors.ts";
import type { AdapterUpdate, LoadedAdapter } from "./adapter_bank.ts";

/** An adapter on disk and what requests call it. */
export interface NamedAdapter {
  /** What it is called. */
  readonly name: string;
  /** Its folder. */
  readonly folder: string;
}

/**
 * Loads adapters for `model`.
 *
 * @throws {UserError} If two have the same name, or one does not fit the model or cannot be applied to single rows.
 */
export async function loadAdapters(
  model: LanguageModel,
  adapters: readonly NamedAdapter[],
): Promise<LoadedAdapter[]> {
  const names = new Set<string>();
  const loaded: LoadedAdapter[] = [];
  for (const { name, folder } of adapters) {
    if (names.has(name)) {
      throw new UserError(`Cannot load adapter "${folder}": there is another called "${name}"`);
    }
    names.add(name);
    loaded.push({ name, updates: await readUpdates(model, folder) });
  }
  return loaded;
}

async function readUpdates(
  model: LanguageModel,
  folder: string,
): Promise<ReadonlyMap<string, AdapterUpdate>> {
  using adapter = await openAdapter(folder);
  adapter.check(model);
  const { config } = adapter;
  const { targets, saved } = adapterLayout(model, config);
  const obstacle = config.useDora
    ? "it is a DoRA adapter"
    : saved.size > 0
    ? `it replaces "${[...saved.keys()][0]}" as a whole`
    : undefined;
  if (obstacle !== undefined) {
    throw new UserError(
      `Cannot serve adapter "${folder}" beside others: ${obstacle}; serve it alone, as --model or by --adapter ` +
        "without a name",
    );
  }
  const updates = new Map<string, AdapterUpdate>();
  for (const { projection: { name, inFeatures, outFeatures }, rank, scale } of targets) {
    const names = loraNames(name);
    const b = (await adapter.read(names.b, [outFeatures, rank])).data.map((each) => each * scale);
    updates.set(name, {
      a: await adapter.read(names.a, [rank, inFeatures]),
      b: tensor("float32", [outFeatures, rank], b),
    });
  }
  return updates;
}
