import assert from "node:assert/strict";
import { join } from "node:path";
import { loadModel } from "../../../src/inference/generation/load_model.ts";
import { openAdapter } from "../../../src/models/adapters/folder.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

/** Adapters that PEFT saved. */
const CASES = [
  "lora",
  "lora_dora",
  "lora_dora_nonzero_b",
  "lora_gpt2",
  "lora_nonzero_b",
  "lora_patterns",
  "lora_qv",
  "lora_rslora",
] as const;

for (const name of CASES) {
  testWithData(
    `openStoredModel() of PEFT's adapter "${name}" has PEFT's logits`,
    { data: "golden" },
    async (golden) => {
      const { model, adapter, batches, initial_last_logits: expected } = JSON.parse(
        await Deno.readTextFile(join(golden, `train_${name}.json`)),
      );
      const ids: number[] = batches[0][0].input_ids[0];
      await using loaded = await loadModel(join(golden, model), {
        adapter: join(golden, adapter),
        device: AVAILABLE_DEVICES.at(-1)!,
      });
      using sequence = loaded.decoder.open();
      const [logits] = await loaded.decoder.extend([{ sequence, ids }]);
      const scale = Math.max(...expected.map(Math.abs));
      expected.forEach((logit: number, i: number) => {
        assert.ok(Math.abs(logits![i]! - logit) <= 2e-5 * scale, `${i}: ${logits![i]} ${logit}`);
      });
    },
  );
}

testWithData(
  "openAdapter() names the key that would change what an adapter computes",
  { data: "golden/adapters/lora" },
  async (path) => {
    await using folder = await temporaryFolder();
    const target = folder.path;
    const config = JSON.parse(await Deno.readTextFile(join(path, "adapter_config.json")));
    await Deno.copyFile(
      join(path, "adapter_model.safetensors"),
      join(target, "adapter_model.safetensors"),
    );
    const refused = async (change: Record<string, unknown>, message: RegExp) => {
      const file = join(target, "adapter_config.json");
      await Deno.writeTextFile(file, JSON.stringify({ ...config, ...change }));
      await assert.rejects(openAdapter(target), { name: "UserError", message });
    };
    await refused({ bias: "all" }, /adapter_config\.json.*bias/);
    await refused({ peft_type: "IA3" }, /peft_type is "IA3"/);
    await refused({ r: 0 }, /adapter_config\.json.*\br\b/);
    await refused({ use_qalora: true }, /use_qalora/);
    await refused({ use_new_trick: true }, /use_new_trick/);
  },
);

testWithData(
  "openStoredModel() refuses an adapter whose weights do not fit",
  { data: "golden" },
  async (golden) => {
    await assert.rejects(
      loadModel(join(golden, "models/qwen3"), {
        adapter: join(golden, "adapters/lora"),
        device: AVAILABLE_DEVICES.at(-1)!,
      }),
      { name: "UserError", message: /adapter ".*lora": "base_model.*" has the shape \[4,\d+\]/ },
    );
  },
);
