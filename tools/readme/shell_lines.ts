/**
 * The command lines that a page prints for people to type.
 *
 * @module
 */

/** A block of shell; such as show output too (`console`) are not to be typed. */
const BLOCK = /^```sh\n([^]*?)^```$/gm;

/** Returns the command lines of the shell blocks of `page`, in their order; lines that end with `\` go on. */
export function shellLines(page: string): readonly string[] {
  return Array.from(page.matchAll(BLOCK), ([, block]) => block!.replaceAll(/\s*\\\n\s*/g, " "))
    .flatMap((block) => block.split("\n"))
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}
