/**
 * The lines a person types, or that come through a pipe.
 *
 * @module
 */

/** Gives one line after the other; a terminal shows `promptText` before each. */
export async function* inputLines(promptText: string): AsyncGenerator<string, void, void> {
  if (Deno.stdin.isTerminal()) {
    while (true) {
      const line = prompt(promptText.trimEnd());
      if (line === null) return;
      yield line;
    }
  }
  const text = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const piece of text) {
    const lines = (rest + piece).split(/\r?\n/);
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
