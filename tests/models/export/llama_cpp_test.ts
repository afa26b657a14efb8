/**
 * Exports in llama.cpp itself. `LLM_TRAINING_LLAMA_CPP` names a folder in which `npm install --ignore-scripts node-llama-cpp`
 * ran; `LLM_TRAINING_SMOLLM2` one with SmolLM2-135M-Instruct, for the real model. Without the first, all are skipped.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openGguf } from "../../../src/engine/tensor/gguf/gguf_file.ts";
import {
  exportGguf,
  GGUF_FILE_TYPES,
  type GgufFileType,
} from "../../../src/models/export/to_gguf.ts";
import { createTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../../../src/models/tokenizer/tokenizer.ts";
import { openStoredModel } from "../../../src/models/stored/stored_model.ts";
import { writeFileAtomic } from "../../../src/utils/atomic_file.ts";
import { sharedData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { writeGguf } from "./written_gguf.ts";

const NODE_FOLDER = Deno.env.get("LLM_TRAINING_LLAMA_CPP");
const SMOLLM2 = Deno.env.get("LLM_TRAINING_SMOLLM2");
const SCRIPT = fileURLToPath(new URL("llama_cpp.mjs", import.meta.url));

interface Request {
  readonly model: string;
  readonly prompts?: readonly { readonly ids: readonly number[]; readonly count: number }[];
  readonly texts?: readonly string[];
}

interface Answer {
  readonly greedy: readonly (readonly number[])[];
  readonly tokens: readonly (readonly number[])[];
  readonly decoded: readonly string[];
  readonly addBos: boolean;
}

async function askLlamaCpp(request: Request): Promise<Answer> {
  const child = new Deno.Command("node", {
    args: [SCRIPT, NODE_FOLDER!],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(request)));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  const last = decoder.decode(stdout).trim().split("\n").at(-1)!;
  assert.ok(last.startsWith("{"), decoder.decode(stderr));
  return JSON.parse(last);
}

async function exportTo(path: string, model: string, type: GgufFileType): Promise<string> {
  using source = await openStoredModel(model);
  const { content } = exportGguf({
    model: source.model,
    tokenizer: source.tokenizer,
    weights: () => source.weights(),
    name: "test",
    type,
  });
  await writeFileAtomic(path, content);
  return path;
}

/** Registers a test that needs llama.cpp and `model`; without them it is skipped and its name says so. */
function testInLlamaCpp(name: string, model: string | undefined, fn: () => Promise<void>): void {
  const missing = NODE_FOLDER === undefined
    ? "$LLM_TRAINING_LLAMA_CPP is not set"
    : "no such model here";
  const ignore = NODE_FOLDER === undefined || model === undefined;
  Deno.test({ name: ignore ? `${name} (skipped: ${missing})` : name, ignore, fn });
}

const tiny = sharedData("models/TinyStories-656K");

for (const type of GGUF_FILE_TYPES) {
  testInLlamaCpp(
    `llama.cpp loads an export and goes on with text: TinyStories-656K ${type}`,
    tiny,
    async () => {
      await using folder = await temporaryFolder();
      const golden = JSON.parse(
        await Deno.readTextFile(sharedData("golden/TinyStories-656K.json")!),
      );
      const model = await exportTo(`${folder.path}/model.gguf`, tiny!, type);
      const { greedy, tokens, addBos } = await askLlamaCpp({
        model,
        prompts: [{ ids: golden.input_ids, count: 64 }],
        texts: [golden.prompt],
      });
      assert.deepEqual([1, ...tokens[0]!], golden.input_ids);
      assert.equal(addBos, true);
      // it quantises activations too where weights are: its text is then another one sooner or later
      if (type === "f32" || type === "f16") {
        assert.deepEqual(greedy[0], golden.greedy_ids.slice(golden.input_ids.length));
      } else assert.equal(greedy[0]!.length, 64);
    },
  );
}

for (const type of ["f32", "f16", "q8_0", "q4_0"] as const) {
  testInLlamaCpp(
    `llama.cpp answers and cuts text as we do: SmolLM2-135M-Instruct ${type}`,
    SMOLLM2,
    async () => {
      await using folder = await temporaryFolder();
      const golden = JSON.parse(
        await Deno.readTextFile(sharedData("golden/SmolLM2-135M-Instruct.json")!),
      );
      const strings: readonly { readonly text: string }[] = JSON.parse(
        await Deno.readTextFile(sharedData("golden/tokenizers/qwen3.json")!),
      ).cases;
      const model = await exportTo(`${folder.path}/model.gguf`, SMOLLM2!, type);
      using source = await openStoredModel(SMOLLM2!);
      const texts = strings.map(({ text }) => text.toWellFormed());
      const prompts = golden.prompts.map(({ ids, f32 }: {
        readonly ids: readonly number[];
        readonly f32: { readonly greedy_ids: readonly number[] };
      }) => ({ ids, count: f32.greedy_ids.length }));
      const { greedy, tokens } = await askLlamaCpp({ model, prompts, texts });
      assert.deepEqual(
        tokens,
        texts.map((text) =>
          source.tokenizer!.encode(text, { addSpecialTokens: false, parseSpecialTokens: false })
        ),
      );
      if (type !== "f32" && type !== "f16") return;
      greedy.forEach((ids, i) => assert.deepEqual(ids, golden.prompts[i].f32.greedy_ids));
    },
  );
}

testInLlamaCpp(
  "llama.cpp reads a file of ours that was read from a file of others: stories260K",
  sharedData("models/stories260K"),
  async () => {
    await using folder = await temporaryFolder();
    const original = sharedData("models/stories260K/stories260K.gguf")!;
    const model = await exportTo(`${folder.path}/model.gguf`, original, "f32");
    using file = await openGguf(model);
    assert.ok(file.tensors.has("output.weight"));
    const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/stories260K.json")!));
    const prompts = [{ ids: [1], count: golden.greedy_ids_from_bos.length - 1 }];
    const { greedy } = await askLlamaCpp({ model, prompts });
    assert.deepEqual(greedy[0], golden.greedy_ids_from_bos.slice(1));
  },
);

/** Models whose computation llama.cpp shares with us, all of it. */
const ARCHITECTURES = [
  "llama",
  "llama_tied_llama3_rope",
  "llama_biases_linear_rope",
  "qwen2",
  "qwen2_yarn",
  "qwen3",
  "phi3",
  "gpt2",
];

/** A tokenizer of as many tokens as a model has ids; llama.cpp loads no model without one. */
function toyTokenizer(vocabSize: number): Tokenizer {
  const vocab = Object.fromEntries(Array.from({ length: vocabSize }, (_, id) => [`t${id}`, id]));
  const bytes = { type: "ByteLevel", add_prefix_space: false };
  const encode = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
  return createTokenizer(
    new Map([
      [
        "tokenizer.json",
        encode({ pre_tokenizer: bytes, decoder: bytes, model: { type: "BPE", vocab, merges: [] } }),
      ],
      ["tokenizer_config.json", encode({ bos_token: "t1", eos_token: "t2" })],
    ]),
  );
}

for (const name of ARCHITECTURES) {
  const model = sharedData(`golden/models/${name}`);
  testInLlamaCpp(`llama.cpp goes on with transformers' greedy ids: ${name}`, model, async () => {
    await using folder = await temporaryFolder();
    const to = `${folder.path}/model.gguf`;
    const { vocab_size: size } = JSON.parse(await Deno.readTextFile(`${model}/config.json`));
    await writeGguf(model!, { to, tokenizer: toyTokenizer(size) });
    const golden: readonly { prompt_ids: number[]; new_ids: number[] }[] = JSON.parse(
      await Deno.readTextFile(`${model}/expected.json`),
    ).greedy;
    const prompts = golden.map(({ prompt_ids, new_ids }) => ({
      ids: prompt_ids,
      count: new_ids.length,
    }));
    const { greedy } = await askLlamaCpp({ model: to, prompts });
    // a text ends at the end-of-text token there
    greedy.forEach((ids, i) => assert.deepEqual(ids, golden[i]!.new_ids.slice(0, ids.length)));
  });
}
