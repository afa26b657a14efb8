/**
 * The formats of JSON Schema that texts are held to.
 *
 * @module
 */

import type { GrammarNode } from "./grammar.ts";
import { parseRegex } from "./regex.ts";

const DATE = String
  .raw`(19|20)\d\d-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))`;
const TIME = String.raw`([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)`;
const BYTE = String.raw`(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const LABEL = String.raw`[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?`;
const HOST = String.raw`${LABEL}(\.${LABEL}){0,3}\.[a-z]{2,6}`;

const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  "date-time": `${DATE}T${TIME}`,
  duration: String.raw`P(\d{1,4}D(T\d{1,4}[HMS])?|\d{1,4}[YMW]|T\d{1,4}[HMS])`,
  uuid: "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
  ipv4: String.raw`${BYTE}(\.${BYTE}){3}`,
  hostname: HOST,
  email: String.raw`[a-z0-9]([a-z0-9_-]{0,30}[a-z0-9])?(\.[a-z0-9]{1,20}){0,2}@${HOST}`,
  uri: String.raw`https?://${HOST}(/[A-Za-z0-9_-]{1,30}){0,6}/?`,
};

/** Returns texts of a format, or `undefined` for one that is only a remark. */
export function stringFormat(name: string): GrammarNode | undefined {
  const source = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  return source === undefined ? undefined : parseRegex(source);
}
