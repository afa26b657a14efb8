/**
 * Python's `strftime`, in English whatever the locale.
 *
 * @module
 */

const MONTHS = [
  ...["January", "February", "March", "April", "May", "June", "July", "August", "September"],
  ...["October", "November", "December"],
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const DIRECTIVES: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => DAYS[date.getDay()]!.slice(0, 3),
  A: (date) => DAYS[date.getDay()]!,
  b: (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  B: (date) => MONTHS[date.getMonth()]!,
  d: (date) => twoDigits(date.getDate()),
  H: (date) => twoDigits(date.getHours()),
  I: (date) => twoDigits((date.getHours() + 11) % 12 + 1),
  m: (date) => twoDigits(date.getMonth() + 1),
  M: (date) => twoDigits(date.getMinutes()),
  p: (date) => date.getHours() < 12 ? "AM" : "PM",
  S: (date) => twoDigits(date.getSeconds()),
  y: (date) => twoDigits(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  "%": () => "%",
};

/** Writes local time as `format` says. */
export function formatTime(date: Date, format: string): string {
  return format.replace(
    /%(-?)([a-zA-Z%])/g,
    (directive, unpadded: string, letter: string) => {
      const text = DIRECTIVES[letter]?.(date);
      if (text === undefined) return directive;
      return unpadded === "" ? text : text.replace(/^0(?=\d)/, "");
    },
  );
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
