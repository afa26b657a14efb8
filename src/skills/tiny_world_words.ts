/**
 * What there is in the tiny world.
 *
 * @module
 */

/** Somebody. */
export interface Character {
  /** Name. */
  readonly name: string;
  /** he or she. */
  readonly he: string;
  /** him or her. */
  readonly him: string;
  /** his or her. */
  readonly his: string;
}

const MALE = { he: "he", him: "him", his: "his" } as const;
const FEMALE = { he: "she", him: "her", his: "her" } as const;

/** Everybody. */
export const CHARACTERS: readonly Character[] = [
  ...["Ben", "Finn", "Jack", "Leo", "Max", "Tom"].map((name) => ({ name, ...MALE })),
  ...["Anna", "Ella", "Ida", "Lily", "Mia", "Rosa"]
    .map((name) => ({ name, ...FEMALE })),
];

/** An animal: its sound, number of legs, home, child. */
export type Animal = readonly [
  name: string,
  sound: string,
  legs: number,
  home: string,
  child: string,
];

/** Every animal. */
export const ANIMALS: readonly Animal[] = [
  ["cat", "meow", 4, "in the house", "kitten"],
  ["dog", "woof", 4, "in the house", "puppy"],
  ["cow", "moo", 4, "on the farm", "calf"],
  ["sheep", "baa", 4, "on the farm", "lamb"],
  ["duck", "quack", 2, "on the lake", "duckling"],
  ["frog", "croak", 4, "in the pond", "tadpole"],
  ["lion", "roar", 4, "in the grass", "cub"],
  ["mouse", "squeak", 4, "in a hole", "pup"],
  ["bird", "tweet", 2, "in a nest", "chick"],
  ["horse", "neigh", 4, "on the farm", "foal"],
];

/** Colours. */
export const COLOURS = [
  ...["red", "blue", "green", "yellow", "black", "white"],
] as const;

/** Things to have, to lose and to find. */
export const OBJECTS = [
  "ball",
  "hat",
  "kite",
  "boat",
  "cup",
  "box",
  "book",
  "drum",
  "lamp",
  "bag",
] as const;

/** Places to be. */
export const PLACES = [
  ...["park", "garden", "forest", "kitchen", "school", "shop", "barn", "tower"],
] as const;

/** Food that can be counted. */
export const FRUITS = ["apples", "pears", "plums", "nuts", "cakes", "eggs"] as const;

/** Food that can be shared. */
export const FOODS = ["cake", "pie", "pear", "bun", "melon"] as const;

/** What a character can be like. */
export const QUALITIES = ["little", "happy", "clever", "brave", "kind", "shy"] as const;

/** What a character can learn. */
export const ABILITIES = ["swim", "sing", "dance", "jump", "climb", "read"] as const;

/** Things under which other things are found. */
export const HIDING_PLACES = ["tree", "table", "bed", "bench", "stone"] as const;

/** Opposites, both ways. */
export const OPPOSITES: readonly (readonly [string, string])[] = [
  ["big", "small"],
  ["hot", "cold"],
  ["day", "night"],
  ["up", "down"],
  ["fast", "slow"],
  ["old", "new"],
  ["wet", "dry"],
  ["open", "closed"],
  ["happy", "sad"],
  ["long", "short"],
  ["hard", "soft"],
  ["loud", "quiet"],
  ["full", "empty"],
  ["left", "right"],
];

/** What has which colour. */
export const COLOUR_OF: readonly (readonly [thing: string, colour: string])[] = [
  ["the sky", "blue"],
  ["the sun", "yellow"],
  ["grass", "green"],
  ["snow", "white"],
  ["a tomato", "red"],
  ["the night", "black"],
  ["a frog", "green"],
  ["a banana", "yellow"],
  ["chocolate", "brown"],
  ["milk", "white"],
];

/** Days of the week, in order. */
export const DAYS = [
  ...["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
] as const;
