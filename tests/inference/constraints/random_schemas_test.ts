import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import { loadModel } from "../../../src/inference/generation/load_model.ts";
import { createLocalService } from "../../../src/inference/local_service.ts";
import type { CompletionRequest, InferenceService } from "../../../src/inference/service.ts";
import { InferenceError } from "../../../src/inference/inference_error.ts";
import { testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { randomSchema } from "./random_schema.ts";

const TINY_STORIES = { data: "models/TinyStories-656K" };

/** What the model's vocabulary of stories lacks to write JSON. */
const MISSING = [
  "{",
  "}",
  "[",
  "]",
  "\\",
  "#",
  "%",
  "&",
  "*",
  "+",
  "/",
  "=",
  "@",
  "^",
  "_",
  "~",
];

/** Shapes that texts of a format have, by the grammars of their specifications. */
const FORMATS = {
  date: /^\d{4}-\d\d-\d\d$/,
  time: /^\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  ipv4: /^(\d{1,3}\.){3}\d{1,3}$/,
  email: /^[^@\s]+@[^@\s]+\.[a-z]+$/,
  hostname: /^[a-z0-9.-]+$/,
  duration: /^P.+$/,
  uri: (text: string) => URL.canParse(text),
  "date-time": (text: string) => !Number.isNaN(Date.parse(text)),
};

/** The model, whose last tokens are exchanged for the characters that it lacks. */
async function copyWithJson(model: string, to: string): Promise<void> {
  for await (const { name } of Deno.readDir(model)) {
    await Deno.copyFile(`${model}/${name}`, `${to}/${name}`);
  }
  const path = `${to}/tokenizer.json`;
  await Deno.chmod(path, 0o644);
  const json = JSON.parse(await Deno.readTextFile(path));
  const vocab: Record<string, number> = json.model.vocab;
  const byId = Object.entries(vocab).toSorted(([, a], [, b]) => b - a);
  for (const [i, character] of MISSING.filter((one) => vocab[one] === undefined).entries()) {
    const [token, id] = byId[i]!;
    delete vocab[token];
    vocab[character] = id;
    json.model.merges = json.model.merges.filter((pair: string | string[]) =>
      !(typeof pair === "string" ? pair.split(" ") : pair).includes(token) &&
      (typeof pair === "string" ? pair.replace(" ", "") : pair.join("")) !== token
    );
  }
  await Deno.writeTextFile(path, JSON.stringify(json));
}

async function textOf(service: InferenceService, request: CompletionRequest) {
  const { events } = await service.submit(request);
  let text = "";
  for await (const event of events) if (event.type === "output") text += event.text;
  return text;
}

testWithData(
  "json_schema: 200 random schemas are kept by a model that cannot help, whatever room there is",
  TINY_STORIES,
  async (path) => {
    await using folder = await temporaryFolder();
    await copyWithJson(path, folder.path);
    const model = await loadModel(folder.path, { device: "native" });
    await using service = createLocalService(model);
    const ajv = new Ajv2020({ strict: false, formats: FORMATS, allErrors: true });
    let refused = 0;
    const check = async (seed: number) => {
      const schema = randomSchema(seed);
      const maxTokens = [20, 60, 120, 200][seed % 4]!;
      const temperature = [0, 1, 2][seed % 3]!;
      const request = {
        prompts: [{ kind: "text", text: "Once upon a time" }],
        sampling: { temperature },
        seed,
        constraint: { kind: "json_schema", schema },
      } as const;
      let text: string;
      try {
        text = await textOf(service, { ...request, maxTokens });
      } catch (error) {
        // the shortest text does not fit, which is said before anything is generated
        if (!(error instanceof InferenceError && /there is room for/.test(error.message))) {
          throw error;
        }
        refused++;
        text = await textOf(service, { ...request, maxTokens: 400 });
      }
      const value: unknown = JSON.parse(text);
      assert.ok(
        ajv.validate(schema, value),
        `${seed}: ${text} ${JSON.stringify(ajv.errors)} ${JSON.stringify(schema)}`,
      );
    };
    for (let seed = 0; seed < 200; seed += 8) {
      await Promise.all(Array.from({ length: 8 }, (_, i) => check(seed + i)));
    }
    assert.ok(refused < 60, `${refused} did not fit into few tokens`);
  },
);

testWithData(
  "json_schema is refused where the model has no tokens to write it",
  TINY_STORIES,
  async (path) => {
    await using service = createLocalService(await loadModel(path, { device: "native" }));
    const request = {
      prompts: [{ kind: "text", text: "a" }],
      constraint: { kind: "json" },
    } as const;
    await assert.rejects(
      textOf(service, request),
      (error) => error instanceof InferenceError && error.code === "invalid_constraint",
    );
  },
);
