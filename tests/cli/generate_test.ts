import assert from "node:assert/strict";
import { sharedData, testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { cliCommand, runCli } from "./run_cli.ts";

const TINY_STORIES = { data: "models/TinyStories-656K" };
const STORIES_260K = { data: "models/stories260K-hf" };

testWithData(
  "generate --json gives the golden greedy text of TinyStories-656K",
  TINY_STORIES,
  async (model) => {
    const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/TinyStories-656K.json")!));
    const promptIds: number[] = golden.input_ids;
    const expected: number[] = golden.greedy_ids.slice(promptIds.length);
    const { status, stdout, stderr } = await runCli([
      "generate",
      ...["--model", model, "--prompt", golden.prompt, "--temperature", "0", "--json"],
      ...["--max-tokens", String(expected.length), "--ignore-eos", "--threads", "2"],
    ]);
    assert.deepEqual([status, stderr], [0, ""]);
    const result = JSON.parse(stdout);
    assert.deepEqual(result.ids, expected);
    assert.equal(result.finish_reason, "length");
    assert.deepEqual(result.usage, {
      prompt_tokens: promptIds.length,
      completion_tokens: expected.length,
      total_tokens: promptIds.length + expected.length,
    });
    assert.ok(result.tokens_per_second > 0);
    assert.match(result.device, /^(webgpu|native|wasm)$/);
  },
);

testWithData(
  "generate gives token ids where the model has no tokenizer",
  STORIES_260K,
  async (model) => {
    const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/stories260K.json")!));
    const [first, ...rest]: number[] = golden.greedy_ids_from_bos;
    const { status, stdout } = await runCli([
      "generate",
      ...[
        "--model",
        model,
        "--prompt-ids",
        String(first),
        "--temperature",
        "0",
        "--max-tokens",
        "40",
      ],
    ]);
    assert.deepEqual([status, stdout], [0, `${rest.slice(0, 40).join(" ")}\n`]);
    const text = await runCli(["generate", "--model", model, "--prompt", "Once"]);
    assert.equal(text.status, 1);
    assert.match(text.stderr, /^error: Cannot read text .* no tokenizer.*\n$/);
  },
);

testWithData(
  "generate reads its prompt from a file or a pipe and prints the text alone",
  TINY_STORIES,
  async (model) => {
    await using folder = await temporaryFolder();
    const file = `${folder.path}/prompt.txt`;
    const prompt = "One day, a little girl";
    await Deno.writeTextFile(file, prompt);
    const args = ["generate", "--model", model, "--temperature", "0", "--max-tokens", "12"];
    const [byFlag, byFile, byPipe] = await Promise.all([
      runCli([...args, "--prompt", prompt]),
      runCli([...args, "--prompt-file", file]),
      runCli(args, { stdin: prompt }),
    ]);
    assert.match(byFlag.stdout, /^ and .*\n$/);
    assert.deepEqual([byFile, byPipe], [byFlag, byFlag]);
  },
);

testWithData("generate draws the same text for the same seed", TINY_STORIES, async (model) => {
  const draw = (seed: string) =>
    runCli(["generate", "--model", model, "--prompt", "The", "--seed", seed, "--max-tokens", "20"]);
  const [first, again, other] = await Promise.all([draw("1"), draw("1"), draw("2")]);
  assert.equal(first.stdout, again.stdout);
  assert.notEqual(first.stdout, other.stdout);
});

testWithData(
  "generate ends with status 130 when Ctrl-C is pressed while it writes",
  TINY_STORIES,
  async (model) => {
    const [program, ...head] = cliCommand();
    const child = new Deno.Command(program, {
      args: [
        ...[...head, "generate", "--model", model, "--prompt", "The", "--device", "wasm"],
        ...["--threads", "1", "--ignore-eos", "--max-tokens", "500"],
      ],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill("SIGINT");
    reader.releaseLock();
    const { code, stderr } = await child.output();
    assert.deepEqual([code, new TextDecoder().decode(stderr)], [130, ""]);
  },
);

Deno.test("generate refuses impossible values with status 2 and missing models with status 1", async () => {
  const value = await runCli(["generate", "--model", "x", "--top-p", "1.5"]);
  assert.equal(value.status, 2);
  assert.match(
    value.stderr,
    /--top-p <number>.*'1.5' is invalid. It must be a number at least 0 and at most 1/,
  );
  const missing = await runCli(["generate", "--prompt", "x"]);
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /required option '--model <model>' not specified/);
  const model = await runCli(["generate", "--model", "no-such-model", "--prompt", "x"]);
  assert.equal(model.status, 1);
  assert.match(model.stderr, /^error: Cannot find model "no-such-model".*\n$/);
  const file = await runCli(["generate", "--model", "x", "--prompt-file", "no-such-file"]);
  assert.equal(file.status, 1);
  assert.match(
    file.stderr,
    /^error: Cannot read "no-such-file": there is no such file or folder\n$/,
  );
});
