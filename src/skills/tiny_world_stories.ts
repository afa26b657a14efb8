/**
 * Stories of the tiny world, and questions about them.
 *
 * @module
 */

import type { Random } from "../utils/random.ts";
import { pick, sample } from "./choice.ts";
import type { Exchange } from "./tiny_world_talk.ts";
import {
  ABILITIES,
  ANIMALS,
  type Character,
  CHARACTERS,
  COLOURS,
  FOODS,
  HIDING_PLACES,
  OBJECTS,
  PLACES,
  QUALITIES,
} from "./tiny_world_words.ts";

/** Who a story is about. */
interface Cast {
  readonly hero: Character;
  readonly friend: Character;
  readonly friendAnimal: string;
}

/** What happens, and what can be asked about it. */
interface Plot {
  readonly sentences: readonly string[];
  readonly questions: readonly Exchange[];
}

const PLOTS: readonly ((random: Random, cast: Cast) => Plot)[] = [
  findsSomething,
  losesSomething,
  sharesFood,
  learnsSomething,
  meetsRain,
  cannotSleep,
];

/** Tells a story about an animal and answers up to two questions about it. */
export function tellStory(random: Random): Exchange[] {
  const [hero, friend] = sample(random, CHARACTERS, 2) as [Character, Character];
  const [animal, friendAnimal] = sample(random, ANIMALS, 2).map(([name]) => name) as [
    string,
    string,
  ];
  const plot = pick(random, PLOTS)(random, { hero, friend, friendAnimal });
  const opening = pick(random, [
    `Once upon a time there was a ${pick(random, QUALITIES)} ${animal} named ${hero.name}.`,
    `There once was a ${pick(random, QUALITIES)} ${animal}. ${
      capitalized(hero.his)
    } name was ${hero.name}.`,
  ]);
  const questions: Exchange[] = [
    {
      question: `What was the name of the ${animal}?`,
      answer: `The name of the ${animal} was ${hero.name}.`,
    },
    ...plot.questions,
  ];
  return [
    {
      question: pick(random, [
        `Tell me a story about a ${animal}.`,
        `Please tell me a story about a ${animal}.`,
      ]),
      answer: [opening, ...plot.sentences].join(" "),
      mustMention: [animal],
    },
    ...sample(random, questions, random.integer(3)),
  ];
}

function findsSomething(random: Random, { hero, friend, friendAnimal }: Cast): Plot {
  const { name, he } = hero;
  const [place, shade, thing] = [
    pick(random, PLACES),
    pick(random, COLOURS),
    pick(random, OBJECTS),
  ];
  return {
    sentences: [
      `One day ${name} went to the ${place}.`,
      `There ${he} found a ${shade} ${thing}.`,
      `${name} showed the ${thing} to ${friend.name} the ${friendAnimal}.`,
      pick(random, [
        `They played with the ${thing} all day.`,
        `They were very happy about the ${thing}.`,
      ]),
      "In the evening they went home.",
    ],
    questions: [
      { question: `What did ${name} find?`, answer: `${name} found a ${shade} ${thing}.` },
      { question: `Where did ${name} go?`, answer: `${name} went to the ${place}.` },
    ],
  };
}

function losesSomething(random: Random, { hero, friend, friendAnimal }: Cast): Plot {
  const { name, he, his, him } = hero;
  const [shade, thing, where] = [
    pick(random, COLOURS),
    pick(random, OBJECTS),
    pick(random, HIDING_PLACES),
  ];
  return {
    sentences: [
      `One day ${name} lost ${his} ${shade} ${thing}.`,
      `${capitalized(he)} looked and looked, but ${he} could not find it.`,
      `${name} was very sad.`,
      `Then ${friend.name} the ${friendAnimal} came to help ${him}.`,
      `They found the ${thing} under a ${where}.`,
      `Now ${name} was happy again.`,
    ],
    questions: [
      { question: `What did ${name} lose?`, answer: `${name} lost ${his} ${shade} ${thing}.` },
      { question: `Where was the ${thing}?`, answer: `The ${thing} was under a ${where}.` },
    ],
  };
}

function sharesFood(random: Random, { hero, friend, friendAnimal }: Cast): Plot {
  const { name, he } = hero;
  const food = pick(random, FOODS);
  return {
    sentences: [
      `One day ${name} was hungry.`,
      `${capitalized(he)} had a big ${food}.`,
      `Then ${friend.name} the ${friendAnimal} came. ${friend.name} was hungry too.`,
      `So ${name} gave ${friend.name} half of the ${food}.`,
      pick(random, ["They ate it together.", "It was very good."]),
      `From that day ${name} and ${friend.name} were best friends.`,
    ],
    questions: [
      { question: `What did ${name} have?`, answer: `${name} had a big ${food}.` },
      { question: `Who came to ${name}?`, answer: `${friend.name} the ${friendAnimal} came.` },
    ],
  };
}

function learnsSomething(random: Random, { hero, friend, friendAnimal }: Cast): Plot {
  const { name, he, him } = hero;
  const [ability, place] = [pick(random, ABILITIES), pick(random, PLACES)];
  return {
    sentences: [
      `${name} wanted to ${ability}, but ${he} could not do it.`,
      `${capitalized(he)} tried every day in the ${place}.`,
      `${friend.name} the ${friendAnimal} showed ${him} how to ${ability}.`,
      `In the end ${name} could ${ability} very well.`,
      pick(random, [`${name} was so proud!`, `${name} said thank you to ${friend.name}.`]),
    ],
    questions: [
      { question: `What did ${name} want to do?`, answer: `${name} wanted to ${ability}.` },
      {
        question: `Who showed ${name} how to ${ability}?`,
        answer: `${friend.name} showed ${him}.`,
      },
    ],
  };
}

function meetsRain(random: Random, { hero, friend, friendAnimal }: Cast): Plot {
  const { name, he } = hero;
  const [place, shade] = [pick(random, PLACES), pick(random, COLOURS)];
  return {
    sentences: [
      `One day ${name} was in the ${place}.`,
      `It began to rain, and ${name} was wet and cold.`,
      `${friend.name} the ${friendAnimal} lived in a ${shade} house.`,
      `${capitalized(friend.he)} opened the door and said, "Come in!"`,
      `Soon ${he} was dry and warm.`,
      "They drank hot tea and sang a song.",
    ],
    questions: [
      { question: `Where was ${name}?`, answer: `${name} was in the ${place}.` },
      {
        question: `What colour was the house of ${friend.name}?`,
        answer: `The house of ${friend.name} was ${shade}.`,
      },
    ],
  };
}

function cannotSleep(random: Random, { hero, friend, friendAnimal }: Cast): Plot {
  const { name, he } = hero;
  const number = pick(random, [3, 4, 5, 6, 7]);
  return {
    sentences: [
      `One night ${name} could not sleep.`,
      `${capitalized(he)} looked at the moon and counted ${number} stars.`,
      `${friend.name} the ${friendAnimal} was awake too.`,
      pick(random, [
        `${capitalized(friend.he)} told ${name} a story.`,
        `${capitalized(friend.he)} sang a song for ${name}.`,
      ]),
      `Then ${name} closed ${hero.his} eyes and slept well.`,
    ],
    questions: [
      { question: `How many stars did ${name} count?`, answer: `${name} counted ${number} stars.` },
      {
        question: "Who was awake too?",
        answer: `${friend.name} the ${friendAnimal} was awake too.`,
      },
    ],
  };
}

function capitalized(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}
