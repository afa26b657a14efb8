/**
 * A task: a fixed list of items, each with what is asked of a model and how the answer is judged.
 *
 * @module
 */

import type { Row, RowPlace } from "../../datasets/row.ts";
import type { ChatMessage } from "../../models/tokenizer/tokenizer.ts";

/** How a task is measured. */
export const TASK_KINDS = ["multiple_choice", "generate_until", "skill", "loss"] as const;

/** How a task is measured. */
export type TaskKind = (typeof TASK_KINDS)[number];

/** A number that a task gives for each item. */
export interface TaskMetric {
  /** Its name: `acc`, `acc_norm`, `exact_match,strict-match`, `loss`. */
  readonly name: string;
  /** Whether more is better. */
  readonly higherIsBetter: boolean;
  /** Whether it is 0 or 1 for each item. */
  readonly isBinary: boolean;
}

/** Scores of one item, by metric. */
export type Scores = Readonly<Record<string, number>>;

/** Text that may follow another. */
export interface Continuation {
  /** What is given. */
  readonly context: string;
  /** The same as a conversation, which the model's chat template renders. @default {`context` is read as it is} */
  readonly messages?: readonly ChatMessage[];
  /** Whether a model without a chat template cannot be asked; so it is with `messages`. @default {false} */
  readonly needsTemplate?: boolean;
  /** What is to follow, its leading space included. */
  readonly continuation: string;
}

/** Asks how likely each of several texts is. */
export interface ChoicesRequest {
  /** Tells the kind. */
  readonly kind: "choices";
  /** A continuation for each choice; where mutual information is asked for, then one without context for each. */
  readonly continuations: readonly Continuation[];
  /** The choices as they are shown. */
  readonly choices: readonly string[];
  /** Turns the log-likelihoods of the continuations into scores. */
  readonly score: (logprobs: readonly number[], greedy: readonly boolean[]) => Scores;
}

/** What a text is generated from. */
export interface TaskPrompt {
  /** The text; models with a chat template read `messages` instead, where there are some. */
  readonly text: string;
  /** The same as a conversation. */
  readonly messages?: readonly ChatMessage[];
  /** Whether a model without a chat template cannot be asked. @default {false} */
  readonly needsTemplate?: boolean;
}

/** Asks for a text. */
export interface GenerateRequest {
  /** Tells the kind. */
  readonly kind: "generate";
  /** What to go on from. */
  readonly prompt: TaskPrompt;
  /** Strings that end the text. */
  readonly stop: readonly string[];
  /** The most tokens of the text; `undefined` for twice what the right answer takes. */
  readonly maxTokens: number | undefined;
  /** A right answer. */
  readonly answer: string;
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** Turns the text into scores, and says in a few words what is wrong with it. */
  readonly score: (text: string) => { readonly scores: Scores; readonly reason?: string };
}

/** Asks for the loss on a row. */
export interface LossRequest {
  /** Tells the kind. */
  readonly kind: "loss";
  /** The row. */
  readonly row: Row;
  /** Where it is, for errors. */
  readonly place: RowPlace;
}

/** What is asked of a model. */
export type TaskRequest = ChoicesRequest | GenerateRequest | LossRequest;

/** One item of a task. */
export interface TaskItem {
  /** Hash of what is asked and expected: results of two models are paired by it. */
  readonly id: string;
  /** What is asked, as a person reads it. */
  readonly prompt: string;
  /** What is expected, as a person reads it. */
  readonly expected: string;
  /** What is asked of the model. */
  readonly request: TaskRequest;
}

/** What a result must say of its task to be compared with another. */
export interface TaskIdentity {
  /** What it is called. */
  readonly name: string;
  /** Version of its definition. */
  readonly version: string;
  /** How it is measured. */
  readonly kind: TaskKind;
  /** Hash of its items and of how they are judged. */
  readonly hash: string;
  /** Seed of the items that were drawn or generated. */
  readonly seed: number | null;
  /** Where it is defined. */
  readonly source: string;
  /** The metrics, the one that decides first. */
  readonly metrics: readonly TaskMetric[];
}

/** A fixed list of items. */
export interface Task extends TaskIdentity {
  /** The items. */
  readonly items: readonly TaskItem[];
}
