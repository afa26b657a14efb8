// llama.cpp through node-llama-cpp: reads one JSON object of requests from standard input and prints one of answers.
//
// node llama_cpp.mjs FOLDER < requests.json     FOLDER/node_modules holds node-llama-cpp (npm install --ignore-scripts)
//
// { model, prompts: [{ ids, count }], texts: [...] } → { greedy: [[...]], tokens: [[...]], decoded: [...], addBos }
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const folder = path.resolve(process.argv[2]);
const entry = path.join(folder, "node_modules/node-llama-cpp/dist/index.js");
const { getLlama } = await import(pathToFileURL(entry));

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { model: modelPath, prompts = [], texts = [] } = JSON.parse(input);

const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 1 });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ contextSize: 512, threads: 1 });
const sequence = context.getSequence();

const greedy = [];
for (const { ids, count } of prompts) {
  await sequence.clearHistory();
  const made = [];
  for await (const id of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
    made.push(id);
    if (made.length >= count || model.isEogToken(id)) break;
  }
  greedy.push(made);
}
const tokens = texts.map((text) => Array.from(model.tokenize(text, false)));
const decoded = tokens.map((ids) => model.detokenize(ids, false));
const addBos = model.tokens.shouldPrependBosToken;
const answer = JSON.stringify({ greedy, tokens, decoded, addBos });
process.stdout.write(`${answer}\n`, () => process.exit(0));
