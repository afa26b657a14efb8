/**
 * A tiny world to talk about: small facts, small sums, people who have things, and stories about animals. A model of a
 * million parameters learns it within minutes.
 *
 * @module
 */

import type { Random } from "../utils/random.ts";
import { between, pick } from "./choice.ts";
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

/** Longest conversation of several topics, in characters: below 256 tokens. */
const MAX_CHARACTERS = 380;

function converse(random: Random, level: number): Exchange[] {
  if (level === 1) return pick(random, FACTS)(random);
  if (level === 2) return pick(random, random.integer(2) === 0 ? FACTS : CONTEXTS)(random);
  const topics = between(random, 1, 3);
  let exchanges: Exchange[] = [];
  for (let i = 0; i < topics; i++) {
    const topic = pick(random, pick(random, [FACTS, FACTS, CONTEXTS, CONTEXTS, [tellStory]]));
    const longer = [...exchanges, ...topic(random)];
    if (i === 0 || length(longer) <= MAX_CHARACTERS) exchanges = longer;
  }
  return exchanges;
}

function length(exchanges: readonly Exchange[]): number {
  return exchanges.reduce((sum, { question, answer }) => sum + question.length + answer.length, 0);
}
