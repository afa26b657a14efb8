import assert from "node:assert/strict";
import { join } from "node:path";
import { createBatcher } from "../../../src/inference/generation/batcher.ts";
import { generate, type GenerateRequest } from "../../../src/inference/generation/generate.ts";
import type { GenerationEvent } from "../../../src/inference/generation/generation.ts";
import { loadModel } from "../../../src/inference/generation/load_model.ts";
import { NEUTRAL_SAMPLING } from "../../../src/inference/generation/sampling.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const PROMPT = Array.from({ length: 40 }, (_, i) => 5 + i * 7 % 50);

function request(adapter?: string): GenerateRequest {
  return {
    promptIds: PROMPT,
    sampling: { ...NEUTRAL_SAMPLING, temperature: 0 },
    seed: 1,
    maxTokens: 16,
    eosTokenIds: [],
    ...adapter !== undefined && { adapter },
  };
}

async function idsOf(events: AsyncIterable<GenerationEvent>): Promise<number[]> {
  const all = await Array.fromAsync(events);
  return all.flatMap((event) => event.type === "output" ? event.tokens.map(({ id }) => id) : []);
}

/** The same adapter with another strength, rank and all. */
async function strongerCopy(adapter: string, target: string): Promise<string> {
  const config = JSON.parse(await Deno.readTextFile(join(adapter, "adapter_config.json")));
  const stronger = { ...config, lora_alpha: 40 * config.lora_alpha };
  await Deno.writeTextFile(join(target, "adapter_config.json"), JSON.stringify(stronger));
  await Deno.copyFile(
    join(adapter, "adapter_model.safetensors"),
    join(target, "adapter_model.safetensors"),
  );
  return target;
}

for (const device of AVAILABLE_DEVICES) {
  testWithData(
    `loadModel() with several adapters on ${device} answers each request with its own, side by side`,
    { data: "golden/adapters" },
    async (adapters) => {
      await using folder = await temporaryFolder();
      const base = join(adapters, "../models/qwen3");
      const weak = join(adapters, "lora_nonzero_b");
      const strong = await strongerCopy(weak, folder.path);
      const alone = async (adapter?: string): Promise<number[]> => {
        await using model = await loadModel(base, { device, threads: 2, adapter });
        return await idsOf(generate(model.decoder, undefined, request()));
      };
      const expected = [await alone(), await alone(weak), await alone(strong)];
      assert.equal(new Set(expected.map(String)).size, 3, "each is another model");
      await using model = await loadModel(base, {
        device,
        threads: 2,
        adapters: [{ name: "weak", folder: weak }, { name: "strong", folder: strong }],
      });
      assert.deepEqual(model.decoder.adapters, ["weak", "strong"]);
      const batcher = createBatcher(model.decoder, undefined);
      // Twice, the second time with what the prefix cache has of each.
      for (let round = 0; round < 2; round++) {
        const made = [request(), request("weak"), request("strong")]
          .map((one) => idsOf(batcher.submit(one)));
        assert.deepEqual(await Promise.all(made), expected);
      }
      await assert.rejects(idsOf(batcher.submit(request("other"))), /no adapter "other"/);
    },
  );
}

testWithData(
  "loadModel() refuses adapters that cannot be applied to single rows, and two of one name",
  { data: "golden/adapters" },
  async (adapters) => {
    const load = (base: string, names: readonly string[]) =>
      loadModel(join(adapters, "../models", base), {
        device: AVAILABLE_DEVICES.at(-1)!,
        adapters: names.map((name) => ({ name: "a", folder: join(adapters, name) })),
      });
    await assert.rejects(load("qwen2", ["lora_dora_nonzero_b"]), /DoRA/);
    await assert.rejects(load("qwen3", ["lora_nonzero_b", "lora_qv"]), /another called "a"/);
  },
);
