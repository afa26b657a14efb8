import assert from "node:assert/strict";
import { createServer } from "../../../src/inference/create_server.ts";
import { givenModels, type ModelDirectory } from "../../../src/inference/hosting/directory.ts";
import { createLocalService } from "../../../src/inference/local_service.ts";
import type { InferenceService } from "../../../src/inference/service.ts";
import { HARNESS_PYTHON, HARNESS_VARIABLE } from "../../harness.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { createToyModel, createToyTokenizer } from "../toy_model.ts";

/** The environment variable that makes the attack longer. */
const SECONDS = Number(Deno.env.get("LLM_TRAINING_SCHEMATHESIS_SECONDS") ?? 20);

/** What is valid by its schema and refused for what it means, such as an empty prompt, is no violation. */
const EXCLUDED = "positive_data_acceptance";

const CHAT_TEMPLATE = "{% if tools %}{{ tools | tojson }}{% endif %}<tool_call>";

/** Returns a directory in which every name is that of the one model, or invented names would lead nowhere. */
function anyName(service: InferenceService): ModelDirectory {
  const single = givenModels([service]);
  const { id: model } = service.model;
  const names = new Set([model]);
  return {
    ...single,
    listed: () => [...names].map((id) => ({ id, model, info: service.model })),
    resolve(name) {
      if (name.startsWith("0")) return undefined; // some are refused
      names.add(name);
      return { model };
    },
  };
}

Deno.test({
  name: `createServer() answers what schemathesis makes of /openapi.json by its schemas${
    HARNESS_PYTHON === undefined ? ` (skipped: no ${HARNESS_VARIABLE})` : ""
  }`,
  ignore: HARNESS_PYTHON === undefined,
  async fn() {
    await using folder = await temporaryFolder();
    const tokenizer = { ...createToyTokenizer(), chatTemplate: CHAT_TEMPLATE };
    const model = createToyModel({ hasHidden: true, tokenizer, maxPositions: 4096 });
    await using service = createLocalService(model);
    const errors: unknown[] = [];
    const handler = createServer({ models: anyName(service), onError: (e) => errors.push(e) });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
    const url = `http://127.0.0.1:${server.addr.port}/openapi.json`;
    const limits = ["--max-time", String(SECONDS), "--continue-on-failure", "--seed", "1"];
    const { success, stdout } = await new Deno.Command(HARNESS_PYTHON!, {
      args: ["-m", "schemathesis.cli", "run", url, ...limits, "--exclude-checks", EXCLUDED],
      cwd: folder.path,
    }).output();
    await server.shutdown();
    assert.deepEqual(errors, []);
    assert.ok(success, new TextDecoder().decode(stdout));
    const stats = await service.stats();
    assert.deepEqual([stats.running, stats.waiting, model.decoder.openSequences], [0, 0, 0]);
  },
});
