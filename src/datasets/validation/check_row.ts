/**
 * What one row is looked over for, apart from all others.
 *
 * @module
 */

import type { Row } from "../row.ts";
import { checkDecoding, checkRepetition, checkText } from "./check_text.ts";
import { checkTurns } from "./check_turns.ts";
import { type Problem, problem } from "./finding.ts";
import { includesLevel, type ValidationLevel } from "./levels.ts";
import { rowTexts } from "./row_content.ts";

/** Returns what is wrong or odd with a row that could be parsed; each kind of thing once. */
export function checkRow(row: Row, level: ValidationLevel): Problem[] {
  const problems = row.kind === "messages" ? checkTurns(row.messages) : [];
  if (row.kind === "completion" && row.prompt.trim() === "") {
    problems.push(problem("empty-prompt", "its prompt is empty"));
  }
  const isDeep = includesLevel(level, "deep");
  for (const { key, text, isAnswer } of rowTexts(row)) {
    const options = { key, isRaw: row.kind === "text" };
    problems.push(...checkText(text, options));
    if (isDeep) problems.push(...checkDecoding(text, options));
    if (isDeep && isAnswer) problems.push(...checkRepetition(text, options));
  }
  return problems.length < 2 ? problems : firstOfEach(problems);
}

function firstOfEach(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ code }) => !seen.has(code) && seen.add(code));
}
