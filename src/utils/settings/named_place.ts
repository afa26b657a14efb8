/**
 * A place with a name of its own before it: `polite=runs/polite`.
 *
 * @module
 */

/** A place, and what it is to be called. */
export interface NamedPlace {
  /** What it is to be called; `undefined` leaves that open. */
  readonly name: string | undefined;
  /** The place. */
  readonly place: string;
}

/** Splits `text` at its first equals sign, where what stands before is a name and no path. */
export function splitNamedPlace(text: string): NamedPlace {
  const { name, place } = /^(?<name>[\w.:@+-]+)=(?<place>.+)$/.exec(text)?.groups ?? {};
  return name === undefined || place === undefined
    ? { name: undefined, place: text }
    : { name, place };
}
