/**
 * Completion scripts: the same table, in the language of each shell.
 *
 * @module
 */

import type { CompletionOption, CompletionPlace } from "./completion_table.ts";

/** Every shell there is a script for. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** A shell there is a script for. */
export type Shell = (typeof SHELLS)[number];

/** What a script is made of. */
export interface ScriptInput {
  /** The program's name. */
  readonly name: string;
  /** Names that stand for a command of it. */
  readonly aliases: Readonly<Record<string, string>>;
  /** What can be completed where. */
  readonly places: readonly CompletionPlace[];
}

/** How the script of each shell is made. */
export const SCRIPTS: Readonly<Record<Shell, (input: ScriptInput) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  powershell: powershellScript,
};

/** The words behind each option of a place that takes one of a few. */
function choices({ options }: CompletionPlace): readonly (readonly [
  option: CompletionOption,
  words: readonly string[],
])[] {
  return options.flatMap((option) =>
    typeof option.value === "string" ? [] : [[option, option.value] as const]
  );
}

/** Options of a place behind which anything may stand, both forms. */
function openOptions({ options }: CompletionPlace): readonly string[] {
  return options.filter(({ value }) => value === "any")
    .flatMap(({ word, short }) => short === undefined ? [word] : [word, short]);
}

/** The patterns of a `case` of bash and zsh: the place, a space, the option. */
function behind(path: string, words: readonly string[]): string {
  return words.map((word) => `"${path} ${word}"`).join("|");
}

/** The longest run of commands typed so far is the place; where nothing is known, file names are completed. */
function bashScript({ name, aliases, places }: ScriptInput): string {
  const known = places.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`).join("|");
  const values = places.flatMap((place) => [
    ...choices(place).map(([{ word }, words]) =>
      `    ${behind(place.path, [word])}) words="${words.join(" ")}"; found=1 ;;`
    ),
    ...(openOptions(place).length === 0
      ? []
      : [`    ${behind(place.path, openOptions(place))}) found=1 ;;`]),
  ]);
  const words = places.map(({ path, words, options, takesArguments }) =>
    `    "${path}") words="${words.map(({ word }) => word).join(" ")}"; options="${
      options.map(({ word }) => word).join(" ")
    }"${takesArguments ? "; files=1" : ""} ;;`
  );
  return `# completion of ${name} for bash
_llm_training() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="" trail="" word words="" options="" found="" files=""
  COMPREPLY=()
  case "\${1##*/}" in
${Object.entries(aliases).map(([alias, path]) => `    ${alias}) trail="${path}" ;;`).join("\n")}
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    before="$word"
    case "\${trail:+$trail }$word" in
      ${known}) trail="\${trail:+$trail }$word" ;;
    esac
  done
  case "$trail $before" in
${values.join("\n")}
  esac
  if [ -z "$found" ]; then
    case "$trail" in
${words.join("\n")}
    esac
    case "$current" in -*) words="$options" ;; esac
    if [ -z "$words$files$current" ]; then words="$options"; fi
  fi
  if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi
}
complete -o default -F _llm_training ${[name, ...Object.keys(aliases)].join(" ")}
`;
}

function zshScript({ name, aliases, places }: ScriptInput): string {
  const entry = (word: string, summary: string) =>
    zshQuoted(`${word.replaceAll(":", "\\:")}:${summary}`);
  const known = places.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`).join("|");
  const values = places.flatMap((place) => [
    ...choices(place).map(([{ word }, words]) =>
      `    ${behind(place.path, [word])}) compadd -- ${words.join(" ")}; return ;;`
    ),
    ...(openOptions(place).length === 0
      ? []
      : [`    ${behind(place.path, openOptions(place))}) _files; return ;;`]),
  ]);
  const lists = places.map(({ path, words, options, takesArguments }) =>
    `    "${path}")
      words_here=(${words.map(({ word, summary }) => entry(word, summary)).join(" ")})
      options=(${options.map(({ word, summary }) => entry(word, summary)).join(" ")})${
      takesArguments ? "\n      files=1" : ""
    } ;;`
  );
  return `#compdef ${[name, ...Object.keys(aliases)].join(" ")}
# completion of ${name} for zsh
_llm_training() {
  local trail="" files="" word before="\${words[CURRENT-1]}" current="\${words[CURRENT]}"
  local -a words_here options
  case "\${words[1]:t}" in
${Object.entries(aliases).map(([alias, path]) => `    ${alias}) trail="${path}" ;;`).join("\n")}
  esac
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${trail:+$trail }$word" in
      ${known}) trail="\${trail:+$trail }$word" ;;
    esac
  done
  case "$trail $before" in
${values.join("\n")}
  esac
  case "$trail" in
${lists.join("\n")}
  esac
  if [[ "$current" == -* ]]; then
    _describe -o option options
  elif (( \${#words_here} )); then
    _describe command words_here
  elif [[ -n "$files" ]]; then
    _files
  else
    _describe -o option options
  fi
}
if [[ "\${funcstack[1]}" == _llm_training || "\${funcstack[1]}" == "_${name}" ]]; then
  _llm_training "$@"
else
  compdef _llm_training ${[name, ...Object.keys(aliases)].join(" ")}
fi
`;
}

function zshQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishScript({ name, aliases, places }: ScriptInput): string {
  const names = [name, ...Object.keys(aliases)];
  const known = places.filter(({ path }) => path !== "").map(({ path }) => fishQuoted(path));
  const lines = places.flatMap((place) => {
    const head = `complete -c $program -n ${
      fishQuoted(`__llm_training_at ${fishQuoted(place.path)}`)
    }`;
    return [
      ...place.words.map(({ word, summary }) => `${head} -f -a ${word} -d ${fishQuoted(summary)}`),
      ...place.options.map(({ word, short, summary, value }) =>
        [
          `${head} -l ${word.slice(2)}`,
          ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
          ...(value === "none"
            ? []
            : value === "any"
            ? ["-r"]
            : ["-x", `-a ${fishQuoted(value.join(" "))}`]),
          `-d ${fishQuoted(summary)}`,
        ].join(" ")
      ),
    ];
  });
  return `# completion of ${name} for fish
function __llm_training_at -d 'Whether the commands typed so far are those of a place'
    set -l tokens (commandline -opc)
    set -l trail ''
    switch (basename $tokens[1])
${
    Object.entries(aliases).map(([alias, path]) =>
      `        case ${alias}\n            set trail ${path}`
    ).join("\n")
  }
    end
    for token in $tokens[2..-1]
        set -l longer (string trim -- "$trail $token")
        if contains -- $longer ${known.join(" ")}
            set trail $longer
        end
    end
    test "$trail" = "$argv[1]"
end
for program in ${names.join(" ")}
    ${lines.join("\n    ")}
end
`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function powershellScript({ name, aliases, places }: ScriptInput): string {
  const list = (words: readonly string[]) => `@(${words.map(powershellQuoted).join(", ")})`;
  const table = places.map((place) => {
    const values = choices(place).map(([{ word }, words]) =>
      `${powershellQuoted(word)} = ${list(words)}`
    );
    return `    ${powershellQuoted(place.path)} = @{
      Words = ${list(place.words.map(({ word }) => word))}
      Options = ${list(place.options.map(({ word }) => word))}
      Files = ${place.takesArguments ? "$true" : "$false"}
      Open = ${list(openOptions(place))}
      Values = @{ ${values.join("; ")} }
    }`;
  });
  const names = Object.entries(aliases)
    .map(([alias, path]) => `${powershellQuoted(alias)} = ${powershellQuoted(path)}`).join("; ");
  return `# completion of ${name} for PowerShell
Register-ArgumentCompleter -Native -CommandName ${
    list([name, ...Object.keys(aliases)])
  } -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $places = @{
${table.join("\n")}
  }
  $aliases = @{ ${names} }
  $typed = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
    ForEach-Object { $_.ToString() })
  $called = [IO.Path]::GetFileNameWithoutExtension($typed[0])
  $trail = if ($aliases.ContainsKey($called)) { $aliases[$called] } else { '' }
  $before = ''
  foreach ($word in $typed | Select-Object -Skip 1) {
    $before = $word
    $longer = "$trail $word".Trim()
    if ($places.ContainsKey($longer)) { $trail = $longer }
  }
  $place = $places[$trail]
  if ($place.Open -contains $before) { return }
  $words = if ($place.Values.ContainsKey($before)) { $place.Values[$before] }
  elseif ($wordToComplete.StartsWith('-') -or ($place.Words.Count -eq 0 -and -not $place.Files)) { $place.Options }
  else { $place.Words }
  $words | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`;
}

function powershellQuoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
