/**
 * How fast texts become token ids, beside PyPI's `tokenizers`, with one thread and with two. Every contender reads the same
 * texts in a process of its own, in turn, in several rounds, and must give as many tokens. A process reads them all several
 * times; "first" is its first pass, in which every word is new to it, "best" its fastest. A figure is the median over
 * rounds.
 *
 * usage: tokenizer_bench.ts [--rounds 3] [--passes 3] [--python <python with tokenizers>]
 *        [--tokenizers "qwen3,gpt2,mistral-v0.1"] [--data "tinystories,…"]
 */

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { sharedData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { printLine } from "./print_line.ts";

/** Texts of each data set. */
const DATA: Readonly<Record<string, () => string[]>> = {
  tinystories: () => {
    const folder = sharedData("datasets/tinystories")!;
    const file = [...Deno.readDirSync(folder)].find(({ name }) => name.endsWith(".txt"))!;
    return Deno.readTextFileSync(`${folder}/${file.name}`).split(/\n+/).filter((it) => it !== "");
  },
  tinyshakespeare: () =>
    Deno.readTextFileSync(sharedData("datasets/tinyshakespeare/input.txt")!).match(/[^]{1,4000}/g)!,
  alpaca: () => {
    const rows: readonly Readonly<Record<string, string>>[] = JSON.parse(
      Deno.readTextFileSync(sharedData("datasets/llamafactory/alpaca_en_demo.json")!),
    );
    return rows.map(({ instruction, input, output }) => `${instruction}\n${input}\n${output}`);
  },
  wiki: () =>
    Deno.readTextFileSync(sharedData("datasets/llamafactory/wiki_demo.txt")!).split("\n")
      .filter((line) => line !== ""),
};

const CONTENDERS = ["ours 1", "tokenizers 1", "ours 2", "tokenizers 2"] as const;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    passes: { type: "string", default: "3" },
    python: { type: "string", default: Deno.env.get("LLM_TRAINING_PYTHON") ?? "python3" },
    tokenizers: { type: "string", default: "qwen3,gpt2,mistral-v0.1" },
    data: { type: "string", default: Object.keys(DATA).join() },
  },
});

interface Measured {
  readonly tokens: number;
  readonly seconds: readonly number[];
}

async function measure(contender: string, folder: string, texts: string): Promise<Measured> {
  const [kind, threads] = contender.split(" ") as [string, string];
  const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const args = [folder, texts, threads, values.passes];
  const command = kind === "ours"
    ? new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", path("./tokenizer_step.ts"), ...args],
    })
    : new Deno.Command(values.python, {
      args: [path("./tokenizer_peer.py"), ...args],
      env: {
        RAYON_NUM_THREADS: threads,
        TOKENIZERS_PARALLELISM: threads === "1" ? "false" : "true",
      },
    });
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

await using scratch = await temporaryFolder();
printLine(
  "| tokenizer | data | threads | ours MB/s, first (best) | theirs | ratio, first (best) |",
);
printLine("|---|---|---:|---:|---:|---:|");
for (const tokenizer of values.tokenizers.split(",")) {
  for (const name of values.data.split(",")) {
    const texts = DATA[name]!();
    const file = `${scratch.path}/${name}.json`;
    Deno.writeTextFileSync(file, JSON.stringify(texts));
    const bytes = texts.reduce((sum, text) => sum + new TextEncoder().encode(text).length, 0);
    const speeds = new Map(
      CONTENDERS.map((each) => [each, { first: [] as number[], best: [] as number[] }]),
    );
    const counts = new Set<number>();
    for (let round = 0; round < Number(values.rounds); round++) {
      // backwards every other time, so that drift of the machine's speed hits all alike
      for (const contender of round % 2 === 0 ? CONTENDERS : CONTENDERS.toReversed()) {
        const { tokens, seconds } = await measure(
          contender,
          sharedData(`tokenizers/${tokenizer}`)!,
          file,
        );
        counts.add(tokens);
        speeds.get(contender)!.first.push(bytes / 1e6 / seconds[0]!);
        speeds.get(contender)!.best.push(bytes / 1e6 / Math.min(...seconds));
      }
    }
    if (counts.size !== 1) throw new Error(`${tokenizer}, ${name}: ${[...counts]} tokens`);
    for (const threads of [1, 2] as const) {
      const ours = speeds.get(`ours ${threads}`)!;
      const theirs = speeds.get(`tokenizers ${threads}`)!;
      const figure = (of: typeof ours): string =>
        `${median(of.first).toFixed(2)} (${median(of.best).toFixed(2)})`;
      const ratio = (of: "first" | "best"): string =>
        (median(ours[of]) / median(theirs[of])).toFixed(2);
      printLine(
        `| ${tokenizer} | ${name}, ${(bytes / 1e6).toFixed(2)} MB | ${threads} | ${figure(ours)} ` +
          `| ${figure(theirs)} | ${ratio("first")} (${ratio("best")}) |`,
      );
    }
  }
}
