import assert from "node:assert/strict";
import { createRandom } from "../../src/utils/random.ts";
import { SONG } from "./toy_model.ts";
import { startToyServer } from "./toy_server.ts";

const nextTimer = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("createServer() answers each of many clients alike, whoever leaves in between", async () => {
  const random = createRandom(1);
  await using server = startToyServer({
    model: { beforeExtend: nextTimer },
    limits: { maxRunning: 5, maxQueue: 1000 },
  });
  const ask = async (begin: number, stream: boolean, leaveAfterMs: number | undefined) => {
    const controller = new AbortController();
    if (leaveAfterMs !== undefined) setTimeout(() => controller.abort(), leaveAfterMs);
    const maxTokens = random.integer(40);
    const response = await fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      signal: controller.signal,
      body: JSON.stringify({
        model: "toy",
        prompt: SONG[begin],
        max_tokens: maxTokens,
        temperature: 0,
        stream,
      }),
    });
    const body = await response.text();
    const texts = stream
      ? body.split("\n\n").filter((line) => line.startsWith("data: {"))
        .map((line) => JSON.parse(line.slice("data: ".length)).choices[0].text)
      : [JSON.parse(body).choices[0].text];
    const bytes = new TextEncoder().encode(SONG.slice(begin + 1)).subarray(0, maxTokens);
    assert.equal(texts.join(""), new TextDecoder().decode(bytes));
  };
  const clients = Array.from({ length: 120 }, (_, i) => {
    const leaveAfterMs = i % 3 === 0 ? random.integer(30) : undefined;
    const answer = ask(random.integer(26), i % 2 === 0, leaveAfterMs);
    return leaveAfterMs === undefined ? answer : answer.catch((error) => {
      assert.equal(error.name, "AbortError");
    });
  });
  await Promise.all(clients);
  while (server.decoder.openSequences > 0) await nextTimer();
  const sizes = server.decoder.calls.map((call) => call.length);
  assert.equal(Math.max(...sizes), 5, "texts are made together");
});
