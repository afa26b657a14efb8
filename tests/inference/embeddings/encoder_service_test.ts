import assert from "node:assert/strict";
import { InferenceError } from "../../../src/inference/inference_error.ts";
import { openEncoderService } from "../../../src/inference/open_encoder_service.ts";
import { openWorkerService } from "../../../src/inference/worker_service.ts";
import { UserError } from "../../../src/utils/errors.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { testWithPackage } from "../../python.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { MINILM_PACKAGE, writeMiniLm } from "./minilm.ts";

const TEXTS = [
  "Hello world",
  "a much longer text about the weather; naïve, 日本!",
  "x ".repeat(200),
];
const DEVICES = AVAILABLE_DEVICES.filter((device) => device !== "webgpu");

testWithPackage(
  "openEncoderService() gives the vectors of the model's own package",
  MINILM_PACKAGE,
  async () => {
    await using folder = await temporaryFolder();
    const expected = await writeMiniLm(folder.path, TEXTS);
    const load = { folder: folder.path, device: "wasm", threads: 2, limits: {} } as const;
    for (const device of DEVICES) {
      await using service = await openEncoderService({ ...load, device });
      assert.deepEqual(service.model.embedding, { size: 384, pooling: "mean" });
      assert.equal(service.model.maxPositions, 256);
      const inputs = TEXTS.map((text) => ({ kind: "text", text } as const));
      const embeddings = await service.embed({ inputs });
      for (const [i, { vector }] of embeddings.entries()) {
        const cosine = vector.reduce((sum, x, at) => sum + x * expected[i]![at]!, 0);
        assert.ok(cosine > 0.9999, `text ${i} on ${device}: ${cosine}`);
      }
      const { ids } = await service.encode(inputs[0]!);
      const [again] = await service.embed({ inputs: [{ kind: "ids", ids }] });
      assert.deepEqual(again, embeddings[0], "neighbours have no influence");
      await refuses(service.embed({ inputs: [{ kind: "text", text: "y ".repeat(300) }] }), {
        code: "context_length_exceeded",
      });
      await refuses(service.embed({ inputs: [{ kind: "ids", ids: [99999] }] }), {
        code: "invalid_prompt",
      });
      await refuses(service.submit({ prompts: inputs }), { code: "no_generation" });
    }
  },
);

testWithPackage(
  "openWorkerService() opens an encoder where embeddings are wanted, and says why one cannot be",
  MINILM_PACKAGE,
  async () => {
    await using folder = await temporaryFolder();
    const [expected] = await writeMiniLm(folder.path, [TEXTS[0]!]);
    const load = {
      folder: folder.path,
      device: "auto",
      threads: 1,
      embeds: true,
      limits: {},
    } as const;
    const createWorker = () =>
      new Worker(new URL("../../../src/inference/worker.ts", import.meta.url), { type: "module" });
    {
      await using service = await openWorkerService({ createWorker, load });
      const inputs = [{ kind: "text", text: TEXTS[0]! } as const];
      const [embedding] = await service.embed({ inputs });
      assert.ok(embedding!.vector.every((x, i) => Math.abs(x - expected![i]!) < 1e-4));
      await refuses(service.submit({ prompts: inputs }), { code: "no_generation" });
      await service.drain();
    }
    await Deno.writeTextFile(`${folder.path}/onnx/model_quantized.onnx`, "no model");
    await assert.rejects(openWorkerService({ createWorker, load }), UserError);
  },
);

async function refuses(
  answer: Promise<unknown>,
  { code }: Pick<InferenceError, "code">,
): Promise<void> {
  await assert.rejects(answer, (error) => error instanceof InferenceError && error.code === code);
}
