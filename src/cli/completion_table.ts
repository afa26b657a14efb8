/**
 * What can be completed where: read off the program itself.
 *
 * @module
 */

import type { Command, Option } from "commander";

/** A word with what it means. */
export interface CompletionWord {
  /** What is typed. */
  readonly word: string;
  /** What it means, in a line. */
  readonly summary: string;
}

/** An option. */
export interface CompletionOption extends CompletionWord {
  /** The short form, with its dash. */
  readonly short: string | undefined;
  /** What must follow it: nothing, one of these words, or anything. */
  readonly value: "none" | "any" | readonly string[];
}

/** What can follow a command path such as `data validate`. */
export interface CompletionPlace {
  /** The path; empty for the program itself. */
  readonly path: string;
  /** Commands, and words that an argument must be one of. */
  readonly words: readonly CompletionWord[];
  /** Options. */
  readonly options: readonly CompletionOption[];
  /** Whether something else may follow, such as a file. */
  readonly takesArguments: boolean;
}

/**
 * Returns every place of `program`, the program itself first.
 *
 * @param summaries What its commands do, by name, in fewer words than their descriptions.
 */
export function completionTable(
  program: Command,
  summaries: Readonly<Record<string, string>> = {},
): readonly CompletionPlace[] {
  const [top, ...others] = placesOf(program, "");
  const words = top!.words.map((each) => ({
    ...each,
    summary: summaries[each.word] ?? each.summary,
  }));
  return [{ ...top!, words }, ...others];
}

function* placesOf(command: Command, path: string): Generator<CompletionPlace> {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).map((child) => ({
    word: child.name(),
    summary: firstSentence(child.summary() || child.description()),
  }));
  const values = command.registeredArguments.flatMap((argument) =>
    (argument.argChoices ?? []).map((word) => ({ word, summary: argument.description }))
  );
  const options = help.visibleOptions(command).flatMap((option) =>
    option.long === undefined ? [] : [completionOption(option)]
  );
  const takesArguments = command.registeredArguments.some(({ argChoices }) => !argChoices);
  yield { path, words: [...commands, ...values], options, takesArguments };
  for (const child of command.commands) {
    yield* placesOf(child, `${path} ${child.name()}`.trim());
  }
}

function completionOption(option: Option): CompletionOption {
  const { long, short, required, argChoices, description } = option;
  return {
    word: long!,
    short,
    summary: firstSentence(description),
    value: argChoices ?? (required ? "any" : "none"),
  };
}

/** The beginning, for lists in a terminal. */
function firstSentence(text: string): string {
  return text.replace(/\s+/g, " ").split(/[.;:,] | \(/)[0]!.replace(/\.$/, "");
}
