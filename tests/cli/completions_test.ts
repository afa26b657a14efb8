import assert from "node:assert/strict";
import { join } from "node:path";
import { completionScript } from "../../src/cli/completions.ts";
import { type Shell, SHELLS } from "../../src/cli/completion_scripts.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

/** What is typed, and what must be offered, whatever else is. */
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["llm-training da", ["daemon", "data"]],
  ["llm-training data va", ["validate"]],
  ["llm-training train --dev", ["--device"]],
  ["llm-training train --model x --device w", ["wasm", "webgpu"]],
  ["llm-train --gradient-ch", ["--gradient-checkpointing"]],
  ["llm-inference --speculat", ["--speculate"]],
  ["llm-training completions po", ["powershell"]],
  ["llm-training run plot runs/a --sm", ["--smooth"]],
  ["llm-training train --dataset ro", ["rows.jsonl"]],
  ["llm-training data validate ro", ["rows.jsonl"]],
];

/** How each shell is made to say what it would offer, in a folder with the file rows.jsonl. */
const ASK: Readonly<
  Record<Shell, (script: string, line: string) => readonly string[] | undefined>
> = {
  bash: (script, line) => [
    "bash",
    "--noprofile",
    "--norc",
    "-c",
    `source ${script}
COMP_WORDS=(${line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_llm_training "\${COMP_WORDS[0]}"
if [ "\${#COMPREPLY[@]}" = 0 ]; then compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"; fi
printf '%s\\n' "\${COMPREPLY[@]}"`,
  ],
  // what it shows on a terminal is written over and over: the functions that would are replaced
  zsh: (script, line) => [
    "zsh",
    "-f",
    "-c",
    `autoload -Uz compinit && compinit -u -D && source ${script}
_describe() { local list="\${@[-1]}" each; for each in "\${(@P)list}"; do print -r -- "\${each%%:*}"; done }
compadd() { shift; print -rl -- "$@" }
_files() { print -rl -- * }
words=(${line}); CURRENT=$#words; _llm_training`,
  ],
  fish: (script, line) => ["fish", "--no-config", "-c", `source ${script}; complete -C "${line}"`],
  powershell: (script, line) => [
    "pwsh",
    "-NoProfile",
    "-Command",
    `. ${script}; (TabExpansion2 -inputScript "${line}" -cursorColumn ${line.length}).CompletionMatches | ` +
    "ForEach-Object { $_.CompletionText.Replace('./', '') }",
  ],
};

const EXTENSION: Readonly<Record<Shell, string>> = {
  bash: "bash",
  zsh: "zsh",
  fish: "fish",
  powershell: "ps1",
};

async function isInstalled(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

for (const shell of SHELLS) {
  const program = ASK[shell]("", "")![0]!;
  const ignore = !await isInstalled(program);
  const name = `completions: ${shell} offers commands, options, their values, and files`;
  Deno.test(
    { name: ignore ? `${name} (skipped: there is no ${program})` : name, ignore },
    async () => {
      await using folder = await temporaryFolder();
      const script = join(folder.path, `llm-training.${EXTENSION[shell]}`);
      await Deno.writeTextFile(script, await completionScript("llm-training", shell));
      await Deno.writeTextFile(join(folder.path, "rows.jsonl"), "");
      for (const [line, offered] of CASES) {
        const [program, ...args] = ASK[shell](script, line)!;
        const { stdout, stderr } = await new Deno.Command(program!, {
          args,
          cwd: folder.path,
          env: { HOME: folder.path, LC_ALL: "C.UTF-8" },
        }).output();
        assert.equal(new TextDecoder().decode(stderr), "", line);
        const words = new TextDecoder().decode(stdout).split("\n").map((each) =>
          each.split("\t")[0]!
        );
        for (const word of offered) assert.ok(words.includes(word), `${line}: ${words.join(" ")}`);
      }
    },
  );
}

Deno.test("completions prints the script of a shell, and names the shells for another", async () => {
  const { status, stdout } = await runCli(["completions", "fish"]);
  assert.deepEqual([status, stdout], [0, await completionScript("llm-training", "fish")]);
  const unknown = await runCli(["completions", "tcsh"]);
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /bash, zsh, fish, powershell/);
});
