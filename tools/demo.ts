/**
 * `deno task demo`: generates a data set, trains a small model on it from scratch and opens a chat with the result.
 * Where there is no terminal to chat in, it asks a few questions itself.
 *
 * A demo that was interrupted goes on where it stopped; one that is finished goes straight to the chat.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { print } from "../src/cli/terminal.ts";

const RUN = "runs/demo";
const DATASET = `${RUN}/tiny_world.jsonl`;
const STEPS = 1600;

const QUESTIONS = [
  "What day comes after Monday?",
  "How many legs does a horse have?",
  "Anna has 3 apples. Ben gives her 4 apples. How many apples does Anna have now?",
  "Max has a green hat. Lily has a blue boat. Who has the boat?",
  "Tell me a story about a cat.",
];

const GENERATE =
  `data generate --skill tiny_world --rows 3000 --seed 1 --level 3 --output ${DATASET}`;
const TRAIN =
  `train --dataset ${DATASET} --model demo --output ${RUN} --max-steps ${STEPS} --batch-size 8 ` +
  "--learning-rate 0.004 --warmup-steps 50 --max-length 128 --save-steps 400 --sample-steps 100";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Shows `args` as a command line and runs it; the demo ends with it if it fails. */
async function run(args: readonly string[]): Promise<void> {
  const shown = args.map((arg) => (/^[\w./:-]+$/.test(arg) ? arg : JSON.stringify(arg)));
  print(`\n$ llm-training ${shown.join(" ")}`);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-P", "cli.ts", ...args],
    cwd: root,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  if (code !== 0) Deno.exit(code);
}

// Ctrl-C reaches the command that runs, which saves its work; the demo waits for it.
Deno.addSignalListener("SIGINT", () => {});

await Deno.mkdir(`${root}/${RUN}`, { recursive: true });
if (!existsSync(`${root}/${DATASET}`)) await run(GENERATE.split(" "));
if (!existsSync(`${root}/${RUN}/checkpoints/checkpoint-${STEPS}`)) {
  const resume = existsSync(`${root}/${RUN}/checkpoints`) ? ["--resume"] : [];
  await run([...TRAIN.split(" "), "--sample-prompt", QUESTIONS.at(-1)!, ...resume]);
} else {
  print(`\n${RUN} holds a trained model; remove the folder to begin anew`);
}

if (Deno.stdin.isTerminal()) {
  print(`\nAsk it something, for example:\n${QUESTIONS.map((q) => `  ${q}`).join("\n")}`);
  await run(["chat", "--model", RUN, "--temperature", "0"]);
} else {
  for (const question of QUESTIONS) {
    await run(["generate", "--model", RUN, "--temperature", "0", "--chat", "--prompt", question]);
  }
}
Deno.exit(0); // the signal listener would keep it waiting
