/**
 * The byte-level alphabet of GPT-2: every byte is written as one printable character, so that vocabularies of byte
 * sequences can be stored as text.
 *
 * @module
 */

/** Characters of the bytes 0–255, in order. */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters();

const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character, byte]),
);

const encoder = new TextEncoder();

/** Writes the UTF-8 bytes of `text` in the byte-level alphabet. */
export function toByteLevel(text: string): string {
  let result = "";
  for (const byte of encoder.encode(text)) result += BYTE_CHARACTERS[byte]!;
  return result;
}

/** Returns the bytes that `token` stands for; one with a character outside of the alphabet stands for its own UTF-8. */
export function fromByteLevel(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF_CHARACTER.get(token[i]!);
    if (byte === undefined) return encoder.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}

/** Printable Latin-1 stands for itself; the other bytes follow from U+0100 on. */
function byteCharacters(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    return String.fromCharCode(printable ? byte : next++);
  });
}
