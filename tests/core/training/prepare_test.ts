import assert from "node:assert/strict";
import { join } from "node:path";
import { TRAINING_DEFAULTS } from "../../../src/core/training/config.ts";
import { prepareFolder, prepareModel, tokenizerFiles } from "../../../src/core/training/prepare.ts";
import { prepareDataset } from "../../../src/core/training/prepare_data.ts";
import { countParameters } from "../../../src/models/language_model.ts";
import { createTokenizer } from "../../../src/models/tokenizer/load_tokenizer.ts";
import { testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const CONVERSATION = {
  messages: [
    { role: "user", content: "What is red?" },
    { role: "assistant", content: "An apple is red." },
  ],
};

async function writeRows(folder: string, rows: readonly unknown[]): Promise<string> {
  const path = join(folder, "data.jsonl");
  await Deno.writeTextFile(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

testWithData(
  "tokenizerFiles() keeps the template by which a base model learned conversations",
  { data: "models/TinyStories-656K" },
  async (model) => {
    await using folder = await temporaryFolder();
    const prepared = await prepareFolder(model);
    const { tokenizer } = prepared;
    const read = async (row: unknown) =>
      await prepareDataset(await writeRows(folder.path, [row]), {
        prepared,
        config: { ...TRAINING_DEFAULTS, maxLength: 128 },
      });

    using texts = await read({ text: "Once upon a time." });
    assert.equal(tokenizerFiles(tokenizer, texts).has("chat_template.jinja"), false);

    using conversations = await read(CONVERSATION);
    const reopened = createTokenizer(tokenizerFiles(tokenizer, conversations));
    assert.equal(reopened.hasChatTemplate, true);
    assert.deepEqual(
      reopened.renderChat(CONVERSATION.messages).ids,
      tokenizer!.renderChat(CONVERSATION.messages).ids,
    );
    assert.deepEqual(
      [...conversations.read(0).inputIds],
      tokenizer!.renderChat(CONVERSATION.messages, { separateTurns: true }).ids,
    );
  },
);

Deno.test("prepareModel() learns a tokenizer for a preset and sizes the model by it", async () => {
  await using folder = await temporaryFolder();
  const dataset = await writeRows(folder.path, [CONVERSATION, CONVERSATION]);
  const prepared = await prepareModel({ ...TRAINING_DEFAULTS, dataset, model: "15m" });
  assert.ok(prepared.tokenizer!.vocabSize <= prepared.trainee.model.vocabSize);
  assert.ok(prepared.trainee.model.vocabSize < prepared.tokenizer!.vocabSize + 64);
  assert.equal(prepared.fresh, true);
});

Deno.test("prepareModel() leaves a preset as it is for rows of token ids", async () => {
  await using folder = await temporaryFolder();
  const dataset = await writeRows(folder.path, [{ input_ids: [1, 2, 3], labels: [1, 2, 3] }]);
  const prepared = await prepareModel({ ...TRAINING_DEFAULTS, dataset, model: "15m" });
  assert.equal(prepared.tokenizer, undefined);
  assert.equal(countParameters(prepared.trainee.model), 15_191_712);
});

Deno.test("initial weights follow from the seed alone", async () => {
  await using folder = await temporaryFolder();
  const dataset = await writeRows(folder.path, [{ input_ids: [1, 2, 3], labels: [1, 2, 3] }]);
  const weightsOf = async (seed: number) => {
    const config = { ...TRAINING_DEFAULTS, dataset, model: "demo", seed };
    const weights: Float32Array[] = [];
    for await (const { tensor } of (await prepareModel(config)).weights()) {
      weights.push(tensor.data);
    }
    return weights;
  };
  assert.deepEqual(await weightsOf(3), await weightsOf(3));
  assert.notDeepEqual(await weightsOf(3), await weightsOf(4));
});

testWithData(
  "prepareDataset() refuses rows that are longer than a model with learned positions",
  { data: "golden/models/gpt2" },
  async (model) => {
    await using folder = await temporaryFolder();
    const path = await writeRows(folder.path, [{ input_ids: [1, 2, 3], labels: [1, 2, 3] }]);
    const prepared = await prepareFolder(model);
    const prepare = (maxLength: number) =>
      prepareDataset(path, { prepared, config: { ...TRAINING_DEFAULTS, maxLength } });
    (await prepare(64))[Symbol.dispose]();
    await assert.rejects(prepare(65), {
      name: "UserError",
      message: /rows of up to 65 tokens: the model has 64 positions; lower --max-length/,
    });
  },
);
