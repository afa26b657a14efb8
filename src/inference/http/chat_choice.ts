/**
 * What the assistant says, with calls of functions taken out of its text.
 *
 * @module
 */

import type { z } from "@hono/zod-openapi";
import type { FinishReason } from "../generation/generation.ts";
import { type ToolCallSchema, type ToolUse, toToolCall } from "./tool_fields.ts";

/** A call in an answer. */
export type AnsweredCall = z.infer<typeof ToolCallSchema>;

/** What has become certain of an answer. */
export interface ChatPiece {
  /** Text. */
  readonly text: string;
  /** Calls, each with its place among the calls of the answer. */
  readonly calls: readonly (AnsweredCall & { readonly index: number })[];
}

/** Takes the text of one choice, piece by piece. */
export interface ChatChoice {
  /** Takes more. */
  push(text: string): ChatPiece;
  /** Takes the end. */
  end(): ChatPiece;
  /** Why it ended, given why its text did. */
  reason(reason: FinishReason): FinishReason | "tool_calls";
}

/** Begins a choice. */
export function createChatChoice(use: ToolUse | undefined): ChatChoice {
  const parser = use?.createParser();
  let count = 0;
  const piece = (output: ReturnType<NonNullable<typeof parser>["end"]>): ChatPiece => ({
    text: output.text,
    calls: output.calls.slice(0, Math.max(0, (use?.maxCalls ?? 0) - count))
      .map((call) => ({ ...toToolCall(call), index: count++ })),
  });
  return {
    push: (text) => parser === undefined ? { text, calls: [] } : piece(parser.push(text)),
    end: () => parser === undefined ? { text: "", calls: [] } : piece(parser.end()),
    reason: (reason) => count > 0 && reason === "stop" ? "tool_calls" : reason,
  };
}
