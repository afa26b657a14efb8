/**
 * Which tokens of a conversation are trained.
 *
 * @module
 */

/**
 * Every choice: `assistant` trains all that the assistant says, `last` its last turn only, `all` what the others say as
 * well. Of a prompt with a completion the first two train the completion. Turns that a row excludes are never trained.
 */
export const TRAIN_ON = ["assistant", "last", "all"] as const;

/** Which tokens of a conversation are trained. */
export type TrainOn = (typeof TRAIN_ON)[number];
