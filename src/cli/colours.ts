/**
 * Text in colours, where a terminal shows them.
 *
 * @module
 */

/** What a colour stands for. */
const CODES = {
  /** What is trained. */
  trained: "\x1b[32m",
  /** What is only read. */
  masked: "\x1b[2m",
  /** What is wrong. */
  error: "\x1b[31m",
  /** What is odd. */
  warning: "\x1b[33m",
} as const;

/** What a colour stands for. */
export type Colour = keyof typeof CODES;

/** Whether standard output shows colours: it is a terminal and `NO_COLOR` is not set (no-color.org). */
export function showsColours(): boolean {
  return Deno.stdout.isTerminal() && (Deno.env.get("NO_COLOR") ?? "") === "";
}

/** Returns `text` in a colour, line by line, so that a pager keeps it. */
export function coloured(text: string, colour: Colour): string {
  return text.split("\n").map((line) => line === "" ? "" : `${CODES[colour]}${line}\x1b[0m`)
    .join("\n");
}
