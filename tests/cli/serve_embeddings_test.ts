import assert from "node:assert/strict";
import { MINILM_PACKAGE, writeMiniLm } from "../inference/embeddings/minilm.ts";
import { testWithPackage } from "../python.ts";
import { sharedData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { startServe } from "./serve_process.ts";

const TEXTS = ["Hello world", "the weather is fine"];
const MODEL = sharedData("models/TinyStories-656K");

if (MODEL !== undefined) {
  testWithPackage(
    "serve --embedding-model answers with the vectors of the encoder's own package, beside a model",
    MINILM_PACKAGE,
    async () => {
      await using folder = await temporaryFolder();
      const expected = await writeMiniLm(folder.path, TEXTS);
      const flags = ["--embedding-model", `minilm=${folder.path}`, "--threads", "1"];
      await using server = await startServe(["--model", MODEL, ...flags]);
      const { data, usage } = await server.client.embeddings.create({
        model: "minilm",
        input: TEXTS,
      });
      for (const [i, { embedding }] of data.entries()) {
        const cosine = embedding.reduce((sum, x, at) => sum + x * expected[i]![at]!, 0);
        assert.ok(cosine > 0.9999, `text ${i}: ${cosine}`);
      }
      assert.equal(usage.prompt_tokens, 10);
      const own = await server.client.embeddings.create({ model: "TinyStories-656K", input: "a" });
      assert.equal(own.data[0]!.embedding.length, 128);
      const { choices } = await server.client.completions.create({
        model: "TinyStories-656K",
        prompt: "Once",
        max_tokens: 4,
      });
      assert.ok(choices[0]!.text.length > 0);
      assert.equal((await server.end("SIGTERM")).status, 0);
    },
  );
}
