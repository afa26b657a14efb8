import assert from "node:assert/strict";
import { openGguf } from "../../src/engine/tensor/gguf/gguf_file.ts";
import { openModelFolder } from "../../src/models/hub/folder.ts";
import { openStoredModel } from "../../src/models/stored/stored_model.ts";
import { sharedData, testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

testWithData(
  "model export writes a GGUF file once, and generate goes on from it as from the folder",
  { data: "models/TinyStories-656K" },
  async (model) => {
    await using folder = await temporaryFolder();
    const output = `${folder.path}/tiny.gguf`;
    const args = ["model", "export", "--model", model, "--to", "gguf", "--output", output];
    const { status, stdout, stderr } = await runCli([...args, "--json"]);
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout);
    assert.deepEqual({ ...report, warnings: report.warnings.length }, {
      model: "TinyStories-656K",
      to: "gguf",
      type: "f16",
      output,
      bytes: (await Deno.stat(output)).size,
      warnings: 2,
    });
    const again = await runCli(args);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /there already; add --force to replace it/);
    assert.equal((await runCli([...args, "--force", "--type", "f32"])).status, 0);

    const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/TinyStories-656K.json")!));
    const prompt = golden.input_ids.join(",");
    const made = await runCli(
      ["generate", "--model", output, "--prompt-ids", prompt, "--temperature", "0"].concat(
        ["--max-tokens", "16", "--device", "wasm", "--json"],
      ),
    );
    assert.equal(made.status, 0, made.stderr);
    const start = golden.input_ids.length;
    assert.deepEqual(JSON.parse(made.stdout).ids, golden.greedy_ids.slice(start, start + 16));
  },
);

testWithData(
  "model export writes an Ollama folder and, out of its file, a Hugging Face folder",
  { data: "models/TinyStories-656K" },
  async (model) => {
    await using folder = await temporaryFolder();
    const output = `${folder.path}/ollama`;
    const { status, stdout, stderr } = await runCli(
      ["model", "export", "--model", model, "--to", "ollama", "--type", "q8_0"].concat(
        ["--output", output],
      ),
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^wrote .*ollama \(.* kB, q8_0\)\n$/);
    const modelfile = await Deno.readTextFile(`${output}/Modelfile`);
    assert.match(modelfile, /^FROM \.\/model\.gguf\nTEMPLATE """\{\{ \.Prompt \}\}"""\n/);
    assert.match(modelfile, /PARAMETER stop "<\|end_story\|>"/);
    using file = await openGguf(`${output}/model.gguf`);
    assert.equal(file.tensors.get("blk.0.ffn_up.weight")?.type, "Q8_0");

    const hub = `${folder.path}/hub`;
    const back = await runCli(
      ["model", "export", "--model", `${output}/model.gguf`, "--to", "safetensors"].concat(
        ["--type", "f16", "--output", hub],
      ),
    );
    assert.equal(back.status, 0, back.stderr);
    using opened = await openModelFolder(hub);
    assert.equal(opened.dtypeOf("model.norm.weight"), "float16");
    assert.equal(opened.config.torch_dtype, "float16");
    assert.deepEqual(
      await namesIn(hub),
      [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
      ],
    );
  },
);

testWithData(
  "model export refuses what cannot be or would be lost",
  { data: "models/stories260K-hf" },
  async (model) => {
    await using folder = await temporaryFolder();
    const output = `${folder.path}/out`;
    await Deno.mkdir(output);
    await Deno.writeTextFile(`${output}/precious.txt`, "data");
    const fails = async (args: readonly string[], message: RegExp, wanted = 1) => {
      const { status, stderr } = await runCli(["model", "export", "--model", model, ...args]);
      assert.match(stderr, message);
      assert.equal(status, wanted);
    };
    await fails(["--to", "gguf", "--output", output], /it is a folder; name a file/);
    await fails(
      ["--to", "safetensors", "--output", output, "--force"],
      /holds no config.json, so it is no earlier export; remove it yourself/,
    );
    await fails(
      ["--to", "safetensors", "--type", "q4_0", "--output", `${output}/new`],
      /--type of safetensors must be one of f32, f16: it is q4_0/,
      2,
    );
    await fails(["--to", "ollama", "--output", `${output}/new`], /it has no tokenizer/);
    await fails(
      ["--to", "safetensors", "--output", model, "--force"],
      /Cannot write ".*": the model to export lies there/,
    );
    assert.deepEqual(await namesIn(output), ["precious.txt"]);
  },
);

testWithData(
  "model export writes an ONNX folder, and a second type into it with --force",
  { data: "models/TinyStories-656K" },
  async (model) => {
    await using folder = await temporaryFolder();
    const output = `${folder.path}/onnx`;
    const args = ["model", "export", "--model", model, "--to", "onnx", "--output", output];
    const first = await runCli(args);
    assert.equal(first.status, 0, first.stderr);
    assert.equal((await runCli([...args, "--type", "q8_0"])).status, 1);
    const second = await runCli([...args, "--type", "q8_0", "--force"]);
    assert.equal(second.status, 0, second.stderr);
    const files = await namesIn(`${output}/onnx`);
    assert.ok(files.includes("model.onnx") && files.includes("model_quantized.onnx"), `${files}`);
  },
);

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
}

testWithData(
  "model export --adapter writes what model and adapter compute together",
  { data: "golden/adapters/lora_nonzero_b" },
  async (adapter) => {
    await using folder = await temporaryFolder();
    const model = sharedData("golden/models/qwen3")!;
    const output = `${folder.path}/adapted.gguf`;
    const { status, stderr } = await runCli(
      ["model", "export", "--model", model, "--adapter", adapter, "--to", "gguf"].concat(
        ["--type", "f32", "--output", output],
      ),
    );
    assert.equal(status, 0, stderr);
    using stored = await openStoredModel(model, { adapter });
    using opened = await openModelFolder(output);
    using base = await openModelFolder(model);
    let changed = 0;
    for await (const { name, tensor } of stored.weights()) {
      const { data } = await opened.readWeight(name, tensor.shape);
      assert.deepEqual(data, tensor.data, name);
      const before = await base.readWeight(name);
      if (before.data.some((value, i) => value !== data[i])) changed++;
    }
    assert.ok(changed > 0);
  },
);
