import assert from "node:assert/strict";
import fc from "fast-check";
import {
  readTextLines,
  type ReadTextLinesOptions,
  type TextLine,
} from "../../../src/datasets/sources/read_lines.ts";

/** Reads bytes that come in pieces of `size`. */
async function linesOf(
  content: string | Uint8Array,
  { size = 1 << 16, ...options }: ReadTextLinesOptions & { readonly size?: number } = {},
): Promise<TextLine[]> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  return (await Array.fromAsync(readTextLines(chunks(), options))).flat();
}

const line = (line: number, text: string): TextLine => ({ line, text, problem: undefined });

Deno.test("readTextLines() numbers lines and drops a byte order mark and returns", async () => {
  assert.deepEqual(await linesOf("\uFEFF{}\r\n\r\n  \n{é}\n\uFEFF[]"), [
    line(1, "{}"),
    line(2, ""),
    line(3, "  "),
    line(4, "{é}"),
    line(5, "\uFEFF[]"),
  ]);
  assert.deepEqual(await linesOf("a\r\nb\r\n", { keepReturns: true }), [
    line(1, "a\r"),
    line(2, "b\r"),
  ]);
  assert.deepEqual(await linesOf(""), []);
});

Deno.test("readTextLines() agrees with splitting the whole text, whatever the pieces", async () => {
  const texts = fc.string({
    unit: fc.constantFrom("a", "é", "漢", "😀", "\n", "\r", " "),
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 1, max: 12 }), async (text, size) => {
      const expected = text.split("\n").map((each, i) => line(i + 1, each.replace(/\r$/, "")));
      if (text.endsWith("\n") || text === "") expected.pop();
      assert.deepEqual(await linesOf(text, { size }), expected);
    }),
    { numRuns: 200 },
  );
});

Deno.test("readTextLines() refuses the lines that are too long or not UTF-8, and no others", async () => {
  for (const size of [1, 7, 1000]) {
    const long = await linesOf(`a\n${"x".repeat(3000)}\nb\n${"y".repeat(3000)}`, {
      size,
      maxRowBytes: 1000,
    });
    assert.deepEqual(long.map(({ line, text, problem }) => [line, problem?.code ?? text]), [
      [1, "a"],
      [2, "row-too-long"],
      [3, "b"],
      [4, "row-too-long"],
    ]);
    const bytes = Uint8Array.of(97, 10, 0xff, 0xfe, 10, 98, 10, 0xc3);
    assert.deepEqual(
      (await linesOf(bytes, { size })).map((
        { line, text, problem },
      ) => [line, problem?.code ?? text]),
      [[1, "a"], [2, "invalid-utf8"], [3, "b"], [4, "invalid-utf8"]],
    );
  }
});
