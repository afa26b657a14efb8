import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createLocalService } from "../../../src/inference/local_service.ts";
import { python, testWithPackage } from "../../python.ts";
import { createToyModel, createToyTokenizer } from "../toy_model.ts";
import { startToyServer } from "../toy_server.ts";

const CLIENT = fileURLToPath(new URL("openai_client.py", import.meta.url));

/** A template by which the model counts as one that calls functions. */
const CHAT_TEMPLATE = "{% if tools %}{{ tools | tojson }}{% endif %}<tool_call>";

testWithPackage(
  "createServer() answers OpenAI's client for Python: chat, tools, structure, embeddings, responses",
  "openai",
  async () => {
    const tokenizer = { ...createToyTokenizer(), chatTemplate: CHAT_TEMPLATE };
    const embedder = createLocalService({ ...createToyModel({ hasHidden: true }), id: "vectors" });
    await using _ = embedder;
    await using server = startToyServer({
      model: { tokenizer, maxPositions: 1000 },
      server: { embedders: [embedder] },
    });
    const code = await Deno.readTextFile(CLIENT);
    assert.equal(await python(code, [`${server.url}/v1`]), "all is well");
  },
);
