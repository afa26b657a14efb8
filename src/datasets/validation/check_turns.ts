/**
 * The order of a conversation's turns, and whether tools answer the calls that were made.
 *
 * @module
 */

import type { ChatMessage } from "../../models/tokenizer/tokenizer.ts";
import { type Problem, problem } from "./finding.ts";

/** Returns what is wrong with the order of turns. */
export function checkTurns(messages: readonly ChatMessage[]): Problem[] {
  return [...orderProblems(messages), ...toolProblems(messages)];
}

/** Oddities that some chat templates refuse and others render without a word. */
function orderProblems(messages: readonly ChatMessage[]): Problem[] {
  const problems: Problem[] = [];
  const isInstruction = ({ role }: ChatMessage) => role === "system" || role === "developer";
  const first = messages.findIndex((message) => !isInstruction(message));
  const late = messages.findIndex((message, i) => i > first && isInstruction(message));
  if (first >= 0 && late >= 0) {
    problems.push(
      problem("system-not-first", `message ${late + 1} is of the role "${messages[late]!.role}"`),
    );
  }
  const begins = messages[first]?.role;
  if (begins !== undefined && begins !== "user") {
    problems.push(problem("first-turn-not-user", `the ${begins} begins the conversation`));
  }
  const repeated = messages.findIndex(({ role }, i) =>
    (role === "user" || role === "assistant") && role === messages[i - 1]?.role
  );
  if (repeated > 0) {
    const { role } = messages[repeated]!;
    problems.push(
      problem("repeated-role", `messages ${repeated} and ${repeated + 1} are both the ${role}'s`),
    );
  }
  const last = messages.at(-1)?.role;
  if (last !== "assistant" && messages.some(({ role }) => role === "assistant")) {
    problems.push(problem("last-turn-untrained", `the last message is the ${last}'s`));
  }
  return problems;
}

/** The calls of one message, until the conversation goes on. */
interface OpenCalls {
  /** Which message made them, counted from 1. */
  readonly message: number;
  /** Whether calls have ids. */
  readonly named: boolean;
  /** Those that wait for an answer. */
  readonly waiting: Set<string>;
  /** Answers that came. */
  answers: number;
}

/** The first answer without a call or call without an answer; a conversation may end with a call. */
function toolProblems(messages: readonly ChatMessage[]): Problem[] {
  let open: OpenCalls | undefined;
  for (const [i, message] of messages.entries()) {
    if (message.role === "tool") {
      const found = answerProblem(message, { open, number: i + 1 });
      if (found !== undefined) return [found];
      continue;
    }
    if (open !== undefined) {
      const [id] = open.waiting;
      if (open.answers === 0 || id !== undefined) {
        const call = id === undefined ? "a call" : `the call "${id}"`;
        const state = `${call} of message ${open.message} has no answer before message ${i + 1}`;
        return [problem("tool-call-without-answer", state)];
      }
      open = undefined;
    }
    const calls = message.role === "assistant" ? message.tool_calls ?? [] : [];
    if (calls.length === 0) continue;
    const ids = calls.map(callId).filter((id) => id !== undefined);
    open = { message: i + 1, named: ids.length > 0, waiting: new Set(ids), answers: 0 };
  }
  return [];
}

function answerProblem(
  { tool_call_id: id }: ChatMessage,
  { open, number }: { readonly open: OpenCalls | undefined; readonly number: number },
): Problem | undefined {
  if (open === undefined) {
    const state = `message ${number} is a tool's, but no call comes before it`;
    return problem("tool-answer-without-call", state);
  }
  open.answers++;
  if (!open.named) return undefined;
  if (id === undefined) {
    open.waiting.clear(); // there are data sets in which one message answers all calls
    return undefined;
  }
  if (open.waiting.delete(id)) return undefined;
  const state = `message ${number} answers the call "${id}", which does not wait for an answer`;
  return problem("tool-answer-without-call", state);
}

function callId(call: unknown): string | undefined {
  if (typeof call !== "object" || call === null || !("id" in call)) return undefined;
  return typeof call.id === "string" ? call.id : undefined;
}
