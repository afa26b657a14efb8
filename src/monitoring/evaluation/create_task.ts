/**
 * Makes a task of items: gives each an identity, and the whole a hash.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { UserError } from "../../utils/errors.ts";
import type { Task, TaskIdentity, TaskItem } from "./task.ts";

/** Digits of an item's hash: among a million items two are alike with a probability of 10^-8. */
const ID_DIGITS = 16;

/** What is known of a task before its hash. */
export interface TaskDefinition extends Omit<TaskIdentity, "hash"> {
  /** How items are judged, as far as it is not in the items: part of the hash. */
  readonly rules: unknown;
  /** The items, without identities. */
  readonly items: readonly Omit<TaskItem, "id">[];
}

/**
 * Makes a task.
 *
 * @throws {UserError} If it has no items.
 */
export function createTask(definition: TaskDefinition): Task {
  const { rules, items, ...identity } = definition;
  if (items.length === 0) {
    throw new UserError(`Cannot evaluate on "${identity.source}": it has no items`);
  }
  const seen = new Map<string, number>();
  const identified = items.map((item): TaskItem => {
    const content = hash([item.prompt, item.expected, choicesOf(item)]);
    const repeats = seen.get(content) ?? 0;
    seen.set(content, repeats + 1);
    return { ...item, id: repeats === 0 ? content : `${content}-${repeats + 1}` };
  });
  const { name, version, kind } = identity;
  return {
    ...identity,
    hash: hash([name, version, kind, rules, identified.map(({ id }) => id)]),
    items: identified,
  };
}

function choicesOf({ request }: Omit<TaskItem, "id">): readonly string[] | null {
  return request.kind === "choices" ? request.choices : null;
}

function hash(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, ID_DIGITS);
}
