/**
 * A tiny world to talk about: small facts, small sums, people who have things, and stories about animals. A model of a
 * million parameters learns it within minutes.
 *
 * @module
 */

import type { Random } from "../utils/random.ts";
import { pick } from "./choice.ts";
import { checkLevel, CORRECT, incorrect, type Skill, type SkillItem, type Turn } from "./skill.ts";
import { tellStory } from "./tiny_world_stories.ts";
import { CONTEXTS, type Exchange, FACTS } from "./tiny_world_talk.ts";

/** The last question of a conversation, with what was said before. */
export interface TinyWorldItem extends SkillItem {
  /** Words that a story must have; empty where only one answer is right. */
  readonly mustMention: readonly string[];
}

/** Conversations: single facts (level 1), what was just said as well (2), stories and several topics as well (3). */
export const tinyWorld: Skill<TinyWorldItem> = {
  name: "tiny_world",
  description: "Little stories and short questions in plain English, for very small models",
  levels: 3,

  generate(random, level) {
    checkLevel(tinyWorld, level);
    const exchanges = converse(random, level);
    const last = exchanges.at(-1)!;
    return {
      history: exchanges.slice(0, -1).flatMap(({ question, answer }): Turn[] => [
        { role: "user", content: question },
        { role: "assistant", content: answer },
      ]),
      prompt: last.question,
      answer: last.answer,
      mustMention: last.mustMention ?? [],
    };
  },

  score(item, text) {
    const given = text.trim();
    if (given === item.answer) return CORRECT;
    if (given === "") return incorrect("no answer");
    if (item.mustMention.length === 0) return incorrect(`the answer is "${item.answer}"`);
    const words = new Set(given.toLowerCase().match(/\p{L}+/gu) ?? []);
    const missing = item.mustMention.find((word) => !words.has(word.toLowerCase()));
    if (missing !== undefined) return incorrect(`the story does not mention "${missing}"`);
    const sentences = given.match(/[^.!?]+[.!?]+/g) ?? [];
    if (sentences.length < 4) return incorrect("the story has fewer than four sentences");
    return /[.!?]"?$/.test(given) ? CORRECT : incorrect("the story ends within a sentence");
  },
};

/**
 * Longest conversation in tokens, if every word is one and a digit has one more for the space before it: rows of much
 * the same length waste little padding.
 */
const MAX_TOKENS = 128;
/** Shortest conversation of level 3. */
const MIN_TOKENS = 60;
/** Tokens that frame an exchange in ChatML. */
const FRAME_TOKENS = 10;

function converse(random: Random, level: number): Exchange[] {
  if (level === 1) return pick(random, FACTS)(random);
  if (level === 2) return pick(random, random.integer(2) === 0 ? FACTS : CONTEXTS)(random);
  let exchanges: Exchange[] = [];
  while (countTokens(exchanges) < MIN_TOKENS) {
    const topic = pick(random, pick(random, [FACTS, FACTS, CONTEXTS, CONTEXTS, [tellStory]]));
    const longer = [...exchanges, ...topic(random)];
    if (countTokens(longer) <= MAX_TOKENS) exchanges = longer;
  }
  return exchanges;
}

function countTokens(exchanges: readonly Exchange[]): number {
  const texts = exchanges.flatMap(({ question, answer }) => [question, answer]);
  const words = texts.flatMap((text) => text.match(/\p{L}+|\p{N}|[^\p{L}\p{N}\s]+/gu) ?? []);
  const digits = words.filter((word) => /\p{N}/u.test(word));
  return words.length + digits.length + FRAME_TOKENS * exchanges.length;
}
