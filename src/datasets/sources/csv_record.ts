/**
 * Records of tables of text, put together from lines: fields are separated by one character, and one in quotes may hold
 * it, line breaks, and quotes that are written twice (RFC 4180).
 *
 * @module
 */

/** Takes the lines of a table in order. */
export interface CsvRecordParser {
  /** Whether a record has begun that goes on in the next line. */
  readonly isOpen: boolean;
  /** Characters of the field that has begun. */
  readonly openCharacters: number;
  /** Takes a line; returns the fields of the record that ends in it. */
  push(line: string): readonly string[] | undefined;
}

const QUOTE = '"';

/** Creates a parser for records. */
export function createCsvRecordParser(delimiter: string): CsvRecordParser {
  let fields: string[] = [];
  let open: string[] | undefined; // the lines of a field in quotes
  let openCharacters = 0;

  /** Takes what follows the quote that ends a field; returns where the next field begins. */
  const close = (line: string, text: string, end: number): number => {
    const next = fieldEnd(line, end + 1);
    // what stands between the quote and the separator belongs to the field, where someone wrote so
    fields.push(text.replaceAll('""', QUOTE) + line.slice(end + 1, next));
    return next + 1;
  };
  const fieldEnd = (line: string, from: number): number => {
    const found = line.indexOf(delimiter, from);
    return found === -1 ? line.length : found;
  };

  return {
    get isOpen() {
      return open !== undefined;
    },
    get openCharacters() {
      return openCharacters;
    },
    push(line) {
      let at = 0;
      if (open !== undefined) {
        const end = closingQuote(line, 0);
        if (end === -1) {
          open.push(line);
          openCharacters += line.length + 1;
          return undefined;
        }
        const text = [...open, line.slice(0, end)].join("\n");
        [open, openCharacters] = [undefined, 0];
        at = close(line, text, end);
      }
      while (at <= line.length) {
        if (line[at] === QUOTE) {
          const end = closingQuote(line, at + 1);
          if (end === -1) {
            open = [line.slice(at + 1)];
            openCharacters = line.length;
            return undefined;
          }
          at = close(line, line.slice(at + 1, end), end);
        } else {
          const end = fieldEnd(line, at);
          fields.push(line.slice(at, end));
          at = end + 1;
        }
      }
      const record = fields;
      fields = [];
      return record;
    },
  };
}

/** Returns where a field in quotes ends, −1 if it goes on in the next line. */
function closingQuote(line: string, from: number): number {
  for (let at = line.indexOf(QUOTE, from);; at = line.indexOf(QUOTE, at + 2)) {
    if (at === -1 || line[at + 1] !== QUOTE) return at;
  }
}
