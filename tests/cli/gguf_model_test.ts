import assert from "node:assert/strict";
import { sharedData, testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

const DATA = { data: "models/stories260K" };
const MODEL = "stories260K.gguf";

testWithData("generate goes on from a GGUF file with the golden ids", DATA, async (folder) => {
  const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/stories260K.json")!));
  const { status, stdout, stderr } = await runCli(
    ["generate", "--model", `${folder}/${MODEL}`, "--prompt-ids", "1", "--temperature", "0"].concat(
      ["--max-tokens", "40", "--device", "wasm", "--json"],
    ),
  );
  assert.equal(status, 0, stderr);
  const { ids, text } = JSON.parse(stdout);
  assert.deepEqual(ids, golden.greedy_ids_from_bos.slice(1, 41));
  assert.ok(golden.greedy_text.trim().startsWith(text.trim()));
});

testWithData("model info and data preview read GGUF files", DATA, async (folder) => {
  const info = await runCli(["model", "info", `${folder}/${MODEL}`, "--json"]);
  assert.equal(info.status, 0, info.stderr);
  const { parameters, dtypes, vocabulary, context_length, problem } = JSON.parse(info.stdout);
  assert.deepEqual({ parameters, dtypes, vocabulary, context_length, problem }, {
    parameters: 292_800,
    dtypes: ["F32"],
    vocabulary: 512,
    context_length: 2048,
    problem: null,
  });
  await using temporary = await temporaryFolder();
  const rows = `${temporary.path}/rows.jsonl`;
  await Deno.writeTextFile(rows, '{"text": "Once upon a time"}\n');
  const preview = await runCli(["data", "preview", rows, "--model", `${folder}/${MODEL}`]);
  assert.match(preview.stdout, /<s>⟦ ?Once upon a time<\/s>⟧/);
  const validate = await runCli(["data", "validate", rows, "--model", `${folder}/${MODEL}`]);
  assert.match(validate.stdout, /rows longer than 2048 tokens: 0/);
});

testWithData(
  "train starts from a GGUF file and saves a Hugging Face folder",
  DATA,
  async (folder) => {
    await using temporary = await temporaryFolder();
    const rows = `${temporary.path}/rows.jsonl`;
    await Deno.writeTextFile(rows, '{"text": "Once upon a time, there was a girl."}\n'.repeat(2));
    const run = `${temporary.path}/run`;
    const { status, stderr } = await runCli(
      ["train", "--dataset", rows, "--model", `${folder}/${MODEL}`, "--output", run].concat(
        ["--max-steps", "1", "--batch-size", "2", "--device", "wasm"],
      ),
    );
    assert.equal(status, 0, stderr);
    // the model has learned stories before
    assert.ok(Number(/loss (\d\.\d+)/.exec(stderr)?.[1]) < 3, stderr);
    const checkpoint = `${run}/checkpoints/checkpoint-1`;
    const config = JSON.parse(await Deno.readTextFile(`${checkpoint}/config.json`));
    assert.equal(config.model_type, "llama");
    const tokenizer = JSON.parse(await Deno.readTextFile(`${checkpoint}/tokenizer.json`));
    assert.equal(Object.keys(tokenizer.model.vocab).length, 512);
  },
);
