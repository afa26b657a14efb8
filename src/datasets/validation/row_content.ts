/**
 * What a row says, apart from how it is written: for comparing rows and for looking at their characters.
 *
 * @module
 */

import type { ChatMessage } from "../../models/tokenizer/tokenizer.ts";
import type { Row } from "../row.ts";

/** One of the texts of a row. */
export interface RowText {
  /** Where it is, in words. */
  readonly key: string;
  /** What it says. */
  readonly text: string;
  /** Whether it is an answer. */
  readonly isAnswer: boolean;
}

/** What is asked and what is answered. */
export interface Exchange {
  /** All that comes before the last answer; empty where nothing does. */
  readonly prompt: string;
  /** The last answer. */
  readonly answer: string;
}

/** Returns the texts of a row; a tokenised one has none. */
export function rowTexts(row: Row): RowText[] {
  switch (row.kind) {
    case "tokens":
      return [];
    case "text":
      return [{ key: "text", text: row.text, isAnswer: false }];
    case "completion":
      return [
        { key: "prompt", text: row.prompt, isAnswer: false },
        { key: "completion", text: row.completion, isAnswer: true },
      ];
    case "messages":
      return row.messages.flatMap((message, i) => messageTexts(message, `messages[${i}]`));
  }
}

function messageTexts(message: ChatMessage, key: string): RowText[] {
  const { role, content, reasoning_content, tool_calls } = message;
  const isAnswer = role === "assistant";
  const texts: RowText[] = [{ key: `${key}.content`, text: content, isAnswer }];
  if (reasoning_content !== undefined) {
    texts.push({ key: `${key}.reasoning_content`, text: reasoning_content, isAnswer: false });
  }
  if (tool_calls !== undefined && tool_calls.length > 0) {
    // JSON would escape what it is to be looked through for
    texts.push({ key: `${key}.tool_calls`, text: stringsOf(tool_calls), isAnswer: false });
  }
  return texts;
}

/** Returns what is asked and answered; `undefined` for tokenised rows. */
export function exchangeOf(row: Row): Exchange | undefined {
  switch (row.kind) {
    case "tokens":
      return undefined;
    case "text":
      return { prompt: "", answer: row.text };
    case "completion":
      return { prompt: row.prompt, answer: row.completion };
    case "messages": {
      const last = row.messages.findLastIndex(({ role }) => role === "assistant");
      // without roles, so that it is what a prompt without messages says
      const before = row.messages.slice(0, last).map(({ content, tool_calls }) =>
        `${content}${tool_calls === undefined ? "" : JSON.stringify(tool_calls)}`
      );
      const { content = "", tool_calls } = row.messages[last] ?? {};
      const calls = tool_calls === undefined ? "" : JSON.stringify(tool_calls);
      return { prompt: before.join("\n\n"), answer: content + calls };
    }
  }
}

/** Returns a text that is equal for rows that train the same, whatever else is written in them. */
export function rowIdentity(row: Row): string {
  switch (row.kind) {
    case "tokens":
      return `tokens ${row.inputIds.join()} ${row.labels.join()}`;
    case "text":
      return `text ${row.text}`;
    case "completion":
      return JSON.stringify(["completion", row.prompt, row.completion]);
    case "messages":
      return JSON.stringify(["messages", row.messages, row.tools ?? null, row.trained ?? null]);
  }
}

/** Returns an exchange or a text with differences of case, white space and width taken away. */
export function normalised(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
}

function stringsOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return "";
  return Object.values(value).map(stringsOf).filter((text) => text !== "").join("\n");
}
