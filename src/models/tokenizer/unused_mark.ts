/**
 * Marks that are put into texts for a while.
 *
 * @module
 */

/**
 * Returns a text that occurs nowhere in the JSON data `value`. Its characters are Unicode's noncharacters, which are meant
 * for such inner use: neither text nor white space, so that no template trims or interprets them.
 */
export function unusedMark(value: unknown): string {
  const content = JSON.stringify(value);
  let number = 0;
  while (content.includes(spell(number))) number++;
  return spell(number);
}

function spell(number: number): string {
  return `\uFDD0${number}\uFDD1`;
}
