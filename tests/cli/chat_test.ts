import assert from "node:assert/strict";
import { testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { makeChatModel } from "./chat_model.ts";
import { runCli } from "./run_cli.ts";

const TINY_STORIES = { data: "models/TinyStories-656K" };
const GREEDY = ["--temperature", "0", "--max-tokens", "8"];

testWithData(
  "chat answers each line of a pipe, remembering what was said",
  TINY_STORIES,
  async (source) => {
    await using folder = await temporaryFolder();
    const model = await makeChatModel(source, `${folder.path}/model`);
    const chat = (lines: readonly string[], extra: readonly string[] = []) =>
      runCli(["chat", "--model", model, ...GREEDY, ...extra], { stdin: lines.join("\n") });
    const [both, first, second, reset] = await Promise.all([
      chat(["Lily saw a cat.", "It was sad."]),
      chat(["Lily saw a cat."]),
      chat(["It was sad."]),
      chat(["Lily saw a cat.", "/reset", "It was sad.", "/exit", "Never read."]),
    ]);
    assert.equal(both.status, 0);
    assert.ok(both.stdout.startsWith(first.stdout));
    const rest = both.stdout.slice(first.stdout.length);
    assert.ok(rest.length > 0);
    assert.notEqual(rest, second.stdout, "the first exchange is remembered");
    assert.equal(reset.stdout, first.stdout + second.stdout, "until it is forgotten");
  },
);

testWithData("chat tells the model what --system says", TINY_STORIES, async (source) => {
  await using folder = await temporaryFolder();
  const model = await makeChatModel(source, `${folder.path}/model`);
  const [system, said] = await Promise.all([
    runCli(["chat", "--model", model, ...GREEDY, "--system", "Tom had a dog."], {
      stdin: "Hello.",
    }),
    runCli(["chat", "--model", model, ...GREEDY], { stdin: "Tom had a dog. Hello." }),
  ]);
  assert.deepEqual([system.status, system.stdout], [0, said.stdout]);
});

testWithData(
  "chat leaves out the beginning of a conversation that outgrows the context",
  TINY_STORIES,
  async (source) => {
    await using folder = await temporaryFolder();
    const model = await makeChatModel(source, `${folder.path}/model`);
    const long = "The big dog and the small cat went to the park. ".repeat(20);
    const { status, stdout, stderr } = await runCli(["chat", "--model", model, ...GREEDY], {
      stdin: [long, long, long, long].join("\n"),
    });
    assert.equal(status, 0);
    assert.ok(stdout.trimEnd().split("\n").length >= 4);
    assert.match(stderr, /its beginning is left out/);
  },
);

testWithData("chat says that a model has no chat template", TINY_STORIES, async (model) => {
  const { status, stderr } = await runCli(["chat", "--model", model], { stdin: "Hello" });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /error: Cannot chat with model "TinyStories-656K": its folder has no chat template/,
  );
});
