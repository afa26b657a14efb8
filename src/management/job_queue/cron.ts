/**
 * Times that come again and again, as cron has them: minute, hour, day of month, month, day of week.
 *
 * @example
 * ```ts
 * import { nextTime, parseCron } from "./cron.ts";
 *
 * const next = nextTime(parseCron("30 4 * * mon"), Date.UTC(2026, 0, 1), { zone: "utc" });
 * if (next !== Date.UTC(2026, 0, 5, 4, 30)) throw new Error("the first Monday of 2026 at half past four");
 * ```
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";

/** A parsed expression: which values of each field match. */
export interface Cron {
  /** Minutes of the hour. */
  readonly minutes: ReadonlySet<number>;
  /** Hours of the day. */
  readonly hours: ReadonlySet<number>;
  /** Days of the month. */
  readonly days: ReadonlySet<number>;
  /** Months, 1 to 12. */
  readonly months: ReadonlySet<number>;
  /** Days of the week, Sunday is 0. */
  readonly weekdays: ReadonlySet<number>;
  /** Whether a day has to match either field, as it is where both are restricted. */
  readonly eitherDay: boolean;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: readonly Field[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of month", min: 1, max: 31 },
  { name: "month", min: 1, max: 12, names: MONTHS },
  { name: "day of week", min: 0, max: 7, names: WEEKDAYS },
];

const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** Every day of leap years comes within so many. */
const MAX_DAYS = 366 * 8 + 1;

/**
 * Parses an expression.
 *
 * @throws {UserError} If it is none, or no day ever matches.
 */
export function parseCron(expression: string): Cron {
  const parts = (NICKNAMES[expression.trim()] ?? expression).trim().toLowerCase().split(/\s+/);
  if (parts.length !== FIELDS.length) {
    throw new UserError(
      `Cannot read the schedule "${expression}": it must have five fields (minute, hour, day of month, month, ` +
        `day of week), or be one of ${Object.keys(NICKNAMES).join(", ")}`,
    );
  }
  const [minutes, hours, days, months, weekdays] = FIELDS.map((field, i) =>
    valuesOf(parts[i]!, field, expression)
  ) as [Set<number>, Set<number>, Set<number>, Set<number>, Set<number>];
  if (weekdays.delete(7)) weekdays.add(0);
  const isRestricted = (part: string) => !part.startsWith("*");
  const cron: Cron = {
    ...{ minutes, hours, days, months, weekdays },
    eitherDay: isRestricted(parts[2]!) && isRestricted(parts[4]!),
  };
  if (firstDay(cron, new Date(Date.UTC(2000, 0, 1))) === undefined) {
    throw new UserError(`Cannot use the schedule "${expression}": no day of any year matches it`);
  }
  return cron;
}

/** Options of {@linkcode nextTime}. */
export interface NextTimeOptions {
  /** Whose days and hours are meant. @default {"local"} */
  readonly zone?: "local" | "utc";
}

/**
 * Returns the first time after `afterMs` that matches, in milliseconds since 1970. A time that the change to summer
 * time leaves out is moved behind it; one that comes twice in autumn is taken once.
 */
export function nextTime(cron: Cron, afterMs: number, options: NextTimeOptions = {}): number {
  const zone = ZONES[options.zone ?? "local"];
  const start = zone.day(afterMs); // midnight of that day, written as UTC
  for (let offset = 0; offset <= MAX_DAYS; offset++) {
    const day = new Date(start + offset * DAY_MS);
    if (!matchesDay(cron, day)) continue;
    for (const hour of sorted(cron.hours)) {
      for (const minute of sorted(cron.minutes)) {
        const time = zone.time(day, hour, minute);
        if (time > afterMs) return time;
      }
    }
  }
  throw new Error("Internal: an expression that no day matches was parsed");
}

const DAY_MS = 86_400_000;

const ZONES = {
  utc: {
    day: (ms: number) => Math.floor(ms / DAY_MS) * DAY_MS,
    time: (day: Date, hour: number, minute: number) =>
      day.getTime() + (hour * 60 + minute) * 60_000,
  },
  local: {
    day: (ms: number) => {
      const date = new Date(ms);
      return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
    },
    time: (day: Date, hour: number, minute: number) =>
      new Date(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate(), hour, minute).getTime(),
  },
} as const;

function firstDay(cron: Cron, from: Date): Date | undefined {
  for (let offset = 0; offset <= MAX_DAYS; offset++) {
    const day = new Date(from.getTime() + offset * DAY_MS);
    if (matchesDay(cron, day)) return day;
  }
  return undefined;
}

function matchesDay({ days, months, weekdays, eitherDay }: Cron, day: Date): boolean {
  if (!months.has(day.getUTCMonth() + 1)) return false;
  const byDay = days.has(day.getUTCDate());
  const byWeekday = weekdays.has(day.getUTCDay());
  return eitherDay ? byDay || byWeekday : byDay && byWeekday;
}

function valuesOf(part: string, field: Field, expression: string): Set<number> {
  const values = new Set<number>();
  const refuse = (): never => {
    throw new UserError(
      `Cannot read the schedule "${expression}": "${part}" is no ${field.name} (${field.min} to ${field.max}, ` +
        "lists 1,2, ranges 1-5, steps */10)",
    );
  };
  const valueOf = (text: string): number => {
    const named = field.names?.indexOf(text) ?? -1;
    const value = named >= 0 ? named + field.min : /^\d+$/.test(text) ? Number(text) : NaN;
    return value >= field.min && value <= field.max ? value : refuse();
  };
  for (const item of part.split(",")) {
    const match = /^(\*|(\w+)(?:-(\w+))?)(?:\/(\d+))?$/.exec(item);
    if (match === null) return refuse();
    const [, range, from, to, step] = match;
    const every = step === undefined ? 1 : Number(step);
    const first = range === "*" ? field.min : valueOf(from!);
    const last = range === "*"
      ? field.max
      : to !== undefined
      ? valueOf(to)
      : step === undefined
      ? first
      : field.max;
    if (every < 1 || last < first) return refuse();
    for (let value = first; value <= last; value += every) values.add(value);
  }
  return values;
}

function sorted(values: ReadonlySet<number>): number[] {
  return [...values].sort((a, b) => a - b);
}
