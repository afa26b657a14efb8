import assert from "node:assert/strict";
import { sharedData, testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { makeChatModel } from "./chat_model.ts";
import { runCli } from "./run_cli.ts";
import { startServe } from "./serve_process.ts";

const TINY_STORIES = { data: "models/TinyStories-656K" };
const STORIES_260K = { data: "models/stories260K-hf" };

/** The token ids that `return_token_ids` adds to choices. */
function tokenIds(choices: unknown): readonly (readonly number[])[] {
  return (choices as { token_ids: number[] }[]).map(({ token_ids }) => token_ids);
}

testWithData(
  "serve answers with the golden greedy ids of TinyStories-656K, in a batch and alone",
  TINY_STORIES,
  async (model) => {
    const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/TinyStories-656K.json")!));
    const promptIds: number[] = golden.input_ids;
    const expected: number[] = golden.greedy_ids.slice(promptIds.length);
    await using server = await startServe(["--model", model, "--threads", "2"]);
    const { choices } = await server.client.completions.create({
      model: "TinyStories-656K",
      prompt: [promptIds, promptIds.slice(0, 4), promptIds],
      max_tokens: expected.length,
      temperature: 0,
      ...{ return_token_ids: true, ignore_eos: true },
    });
    const [first, , third] = tokenIds(choices);
    assert.deepEqual([first, third], [expected, expected]);
    const { status, stderr } = await server.end("SIGTERM");
    assert.equal(status, 0);
    assert.match(stderr, /^\w+: .*\nFinishing what runs.*\n$/);
  },
);

testWithData(
  "serve answers with the golden greedy ids of stories260K, which has no tokenizer",
  STORIES_260K,
  async (model) => {
    const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/stories260K.json")!));
    const [first, ...rest]: number[] = golden.greedy_ids_from_bos;
    await using server = await startServe([
      "--model",
      model,
      "--name",
      "stories",
      "--device",
      "wasm",
    ]);
    const { choices } = await server.client.completions.create({
      model: "stories",
      prompt: [first!],
      max_tokens: 60,
      temperature: 0,
      ...{ return_token_ids: true },
    });
    assert.deepEqual(tokenIds(choices), [rest.slice(0, 60)]);
    assert.equal((await server.end("SIGINT")).status, 130);
  },
);

testWithData(
  "serve scores prompts as evaluation harnesses ask for it",
  TINY_STORIES,
  async (model) => {
    const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/TinyStories-656K.json")!));
    await using server = await startServe(["--model", model]);
    const { choices } = await server.client.completions.create({
      model: "TinyStories-656K",
      prompt: golden.greedy_ids,
      max_tokens: 0,
      echo: true,
      logprobs: 1,
    });
    const { token_logprobs, top_logprobs, tokens } = choices[0]!.logprobs!;
    const greedyFrom: number = golden.input_ids.length;
    for (const [i, token] of tokens!.entries()) {
      if (i < greedyFrom) continue;
      const top: Record<string, number> = top_logprobs![i]!;
      assert.equal(
        token_logprobs![i],
        Math.max(...Object.values(top)),
        "the greedy token is the likeliest",
      );
      assert.deepEqual(Object.keys(top), [token]);
    }
  },
);

testWithData("serve chats, with a key that clients must send", TINY_STORIES, async (source) => {
  await using folder = await temporaryFolder();
  const model = await makeChatModel(source, `${folder.path}/chat-model`);
  const key = "a-secret";
  await using server = await startServe(["--model", model, "--api-key", key], { apiKey: key });
  const stream = server.client.chat.completions.stream({
    model: "chat-model",
    messages: [{ role: "user", content: "Lily saw a cat." }],
    temperature: 0,
    max_tokens: 12,
  });
  const { message } = (await stream.finalChatCompletion()).choices[0]!;
  assert.match(message.content!, /^\S.*\w/);
  const stranger = await fetch(`${server.url}/v1/models`);
  assert.equal(stranger.status, 401);
  await stranger.body?.cancel();
});

Deno.test("serve refuses to be open to other machines without a key", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/config.json`, "{}");
  const { status, stderr } = await runCli(["serve", "--model", folder.path, "--host", "0.0.0.0"]);
  assert.equal(status, 1);
  assert.match(stderr, /^error: Cannot serve on "0.0.0.0" without an API key.*\n$/);
});

Deno.test("serve says in one line that its port is taken", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/config.json`, "{}");
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String(listener.addr.port);
  const { status, stderr } = await runCli(["serve", "--model", folder.path, "--port", port]);
  assert.equal(status, 1);
  assert.equal(
    stderr,
    `error: Cannot listen on 127.0.0.1:${port}: another program listens there; choose another --port\n`,
  );
});

Deno.test("serve says in one line that its model cannot be loaded", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/config.json`, "{}");
  const { status, stdout, stderr } = await runCli(["serve", "--model", folder.path, "--port", "0"]);
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /^error: Cannot .*\n$/);
});
