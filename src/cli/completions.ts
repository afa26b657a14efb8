/**
 * `completions`: scripts that make a shell complete commands and options.
 *
 * @module
 */

import { Argument, type Command } from "commander";
import { COMMANDS } from "./commands.ts";
import { addExamples, createProgram } from "./program.ts";
import { print } from "./terminal.ts";

/** Every shell there is a script for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell there is a script for. */
export type Shell = (typeof SHELLS)[number];

/** What can follow a command path such as `data validate`. */
interface Completion {
  readonly path: string;
  readonly words: readonly string[];
}

/** Adds `completions` to `program`. */
export function registerCompletions(program: Command): void {
  const command = program.command("completions")
    .description("Print a script that makes a shell complete commands and options.")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .action(async (shell: Shell) => print(await completionScript(program.name(), shell)));
  addExamples(command, [
    "llm-training completions bash > ~/.local/share/bash-completion/completions/llm-training",
    'llm-training completions zsh > "${fpath[1]}/_llm-training"',
    "llm-training completions fish > ~/.config/fish/completions/llm-training.fish",
  ]);
}

/** Returns the completion script of `shell` for the program called `name`. */
export async function completionScript(name: string, shell: Shell): Promise<string> {
  const program = await createProgram(name, COMMANDS.map((entry) => entry.name));
  return scripts[shell](name, [...completions(program, "")]);
}

function* completions(command: Command, path: string): Generator<Completion> {
  const options = command.createHelp().visibleOptions(command)
    .flatMap((option) => option.long ?? []);
  yield { path, words: [...command.commands.map((child) => child.name()), ...options] };
  for (const child of command.commands) {
    yield* completions(child, `${path} ${child.name()}`.trim());
  }
}

const scripts: Readonly<Record<Shell, (name: string, all: readonly Completion[]) => string>> = {
  bash: (name, all) => bashFunction(name, all) + `complete -o default -F _llm_training ${name}`,
  zsh: (name, all) =>
    `#compdef ${name}
autoload -U +X bashcompinit && bashcompinit
${bashFunction(name, all)}complete -o default -F _llm_training ${name}`,
  fish: (name, all) =>
    all.flatMap(({ path, words }) => words.map((word) => fishLine(name, path, word))).join("\n"),
};

/** The longest run of commands typed so far picks the words; file names are the default. */
function bashFunction(name: string, all: readonly Completion[]): string {
  const cases = all.map(({ path, words }) => `    "${path}") words="${words.join(" ")}" ;;`);
  const paths = all.map(({ path }) => `"${path}"`).join("|");
  return `# completion of ${name}
_llm_training() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${paths}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
`;
}

function fishLine(name: string, path: string, word: string): string {
  const condition = path === ""
    ? "__fish_use_subcommand"
    : path.split(" ").map((part) => `__fish_seen_subcommand_from ${part}`).join("; and ");
  const candidate = word.startsWith("--") ? `-l ${word.slice(2)}` : `-f -a ${word}`;
  return `complete -c ${name} -n "${condition}" ${candidate}`;
}
