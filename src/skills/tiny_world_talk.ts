/**
 * What people ask in the tiny world: each topic is a question or a few that belong together.
 *
 * @module
 */

import type { Random } from "../utils/random.ts";
import { between, pick, sample } from "./choice.ts";
import {
  ANIMALS,
  CHARACTERS,
  COLOUR_OF,
  COLOURS,
  DAYS,
  FRUITS,
  OBJECTS,
  OPPOSITES,
  PLACES,
} from "./tiny_world_words.ts";

/** A question and its answer. */
export interface Exchange {
  /** What is asked. */
  readonly question: string;
  /** What is answered. */
  readonly answer: string;
  /** Words that any answer must have, where more than one answer is right. */
  readonly mustMention?: readonly string[];
}

/** Makes questions that belong together. */
export type Topic = (random: Random) => Exchange[];

/** Questions with one answer in all the world. */
export const FACTS: readonly Topic[] = [
  opposite,
  sound,
  legs,
  home,
  child,
  colour,
  plus,
  plus,
  minus,
  count,
  nextDay,
];

/** Talk about what was said before. */
export const CONTEXTS: readonly Topic[] = [possession, twoPossessions, whereabouts, gift, greeting];

function opposite(random: Random): Exchange[] {
  const pair = pick(random, OPPOSITES);
  const [a, b] = random.integer(2) === 0 ? pair : [pair[1], pair[0]];
  return [{ question: `What is the opposite of ${a}?`, answer: `The opposite of ${a} is ${b}.` }];
}

function sound(random: Random): Exchange[] {
  const [animal, noise] = pick(random, ANIMALS);
  return [{ question: `What does a ${animal} say?`, answer: `A ${animal} says ${noise}.` }];
}

function legs(random: Random): Exchange[] {
  const [animal, , number] = pick(random, ANIMALS);
  return [{
    question: `How many legs does a ${animal} have?`,
    answer: `A ${animal} has ${number} legs.`,
  }];
}

function home(random: Random): Exchange[] {
  const [animal, , , place] = pick(random, ANIMALS);
  return [{ question: `Where does a ${animal} live?`, answer: `A ${animal} lives ${place}.` }];
}

function child(random: Random): Exchange[] {
  const [animal, , , , young] = pick(random, ANIMALS);
  return [{
    question: `What is a baby ${animal} called?`,
    answer: `A baby ${animal} is called a ${young}.`,
  }];
}

function colour(random: Random): Exchange[] {
  const [thing, shade] = pick(random, COLOUR_OF);
  return [{
    question: `What colour is ${thing}?`,
    answer: `${capitalized(thing)} is ${shade}.`,
  }];
}

function plus(random: Random): Exchange[] {
  const [a, b] = [between(random, 0, 9), between(random, 0, 9)];
  return [{ question: `What is ${a} plus ${b}?`, answer: `${a} plus ${b} is ${a + b}.` }];
}

function minus(random: Random): Exchange[] {
  const a = between(random, 0, 9);
  const b = between(random, 0, a);
  return [{ question: `What is ${a} minus ${b}?`, answer: `${a} minus ${b} is ${a - b}.` }];
}

function count(random: Random): Exchange[] {
  const from = between(random, 1, 5);
  const to = from + between(random, 2, 5);
  const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return [{ question: `Count from ${from} to ${to}.`, answer: `${numbers.join(", ")}.` }];
}

function nextDay(random: Random): Exchange[] {
  const day = random.integer(DAYS.length);
  const next = DAYS[(day + 1) % DAYS.length]!;
  return [{
    question: `What day comes after ${DAYS[day]}?`,
    answer: `${next} comes after ${DAYS[day]}.`,
  }];
}

function possession(random: Random): Exchange[] {
  const { name } = pick(random, CHARACTERS);
  const [thing, shade] = [pick(random, OBJECTS), pick(random, COLOURS)];
  const has = `${name} has a ${shade} ${thing}.`;
  const questions: Exchange[] = [
    { question: `What does ${name} have?`, answer: has },
    { question: `What colour is the ${thing}?`, answer: `The ${thing} is ${shade}.` },
    { question: `Who has the ${thing}?`, answer: `${name} has the ${thing}.` },
  ];
  const [first, ...rest] = sample(random, questions, between(random, 1, 3));
  return [{ ...first!, question: `${has} ${first!.question}` }, ...rest];
}

function twoPossessions(random: Random): Exchange[] {
  const people = sample(random, CHARACTERS, 2);
  const things = sample(random, OBJECTS, 2);
  const shades = sample(random, COLOURS, 2);
  const said = people.map(({ name }, i) => `${name} has a ${shades[i]} ${things[i]}.`).join(" ");
  const questions = [0, 1].flatMap((i): Exchange[] => [
    { question: `Who has the ${things[i]}?`, answer: `${people[i]!.name} has the ${things[i]}.` },
    { question: `What colour is the ${things[i]}?`, answer: `The ${things[i]} is ${shades[i]}.` },
  ]);
  const [first, ...rest] = sample(random, questions, between(random, 1, 2));
  return [{ ...first!, question: `${said} ${first!.question}` }, ...rest];
}

function whereabouts(random: Random): Exchange[] {
  const { name, he } = pick(random, CHARACTERS);
  const [first, second] = sample(random, PLACES, 2);
  const asked = { question: `Where is ${name}?`, answer: `${name} is in the ${first}.` };
  const told = { ...asked, question: `${name} is in the ${first}. ${asked.question}` };
  if (random.integer(2) === 0) return [told];
  return [told, {
    question: `Now ${he} goes to the ${second}. Where is ${name} now?`,
    answer: `Now ${name} is in the ${second}.`,
  }];
}

function gift(random: Random): Exchange[] {
  const [receiver, giver] = sample(random, CHARACTERS, 2);
  const fruit = pick(random, FRUITS);
  const [before, more] = [between(random, 2, 5), between(random, 2, 4)];
  return [{
    question:
      `${receiver!.name} has ${before} ${fruit}. ${giver!.name} gives ${
        receiver!.him
      } ${more} ${fruit}. ` +
      `How many ${fruit} does ${receiver!.name} have now?`,
    answer: `Now ${receiver!.name} has ${before + more} ${fruit}.`,
  }];
}

function greeting(random: Random): Exchange[] {
  const { name } = pick(random, CHARACTERS);
  const hello = pick(random, ["Hello", "Hi", "Good morning"]);
  return [
    { question: `${hello}! My name is ${name}.`, answer: `${hello} ${name}! Nice to meet you.` },
    ...sample(random, [
      { question: "What is my name?", answer: `Your name is ${name}.` },
      { question: "How are you?", answer: "I am fine, thank you." },
      { question: "Who are you?", answer: "I am a little model. I like to tell stories." },
    ], between(random, 1, 2)),
    ...random.integer(2) === 0 ? [] : [{
      question: pick(random, ["Good night!", "Goodbye!"]),
      answer: `Goodbye ${name}! See you soon.`,
    }],
  ];
}

function capitalized(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}
