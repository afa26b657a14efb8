/**
 * Forms as browsers and clients send them (RFC 7578), part by part: a file is never in memory as a whole.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { ApiError } from "../../../inference/http/api_error.ts";

/** A part of a form. */
export interface FormPart {
  /** Name of its field. */
  readonly name: string;
  /** Name of its file; `undefined` if it is none. */
  readonly filename: string | undefined;
  /** Its content; it must be read before the next part. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** The most that the headers of a part may take. */
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * Yields the parts of the form that `request` carries.
 *
 * @throws {ApiError} If it carries none, or not all of it.
 */
export async function* formParts(request: Request): AsyncGenerator<FormPart, void> {
  const type = request.headers.get("content-type") ?? "";
  const [, quoted, plain] =
    /^multipart\/form-data\b.*?;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined || request.body === null) throw noForm();
  await using input = new Input(request.body);
  const delimiter = Buffer.from(`\r\n--${boundary}`, "latin1");
  // the first delimiter may stand at the very beginning
  input.prepend(Buffer.from("\r\n"));
  for await (const _ of input.until(delimiter)); // what stands before it says nothing
  for (;;) {
    const mark = await input.take(2);
    if (mark.equals(Buffer.from("--"))) return;
    if (!mark.equals(Buffer.from("\r\n"))) throw noForm();
    const headers = await input.headers();
    const content = input.until(delimiter);
    yield { ...parseDisposition(headers), content };
    for await (const _ of content); // what was not read
  }
}

/** Reads the whole of a part as text. */
export async function partText(
  { content, name }: FormPart,
  { maxBytes }: { readonly maxBytes: number },
): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of content) {
    size += piece.length;
    if (size > maxBytes) {
      throw new ApiError(413, `"${name}" is longer than ${maxBytes} bytes`, {
        param: name,
        code: "request_too_large",
      });
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** What comes in, and has not been used yet. */
class Input implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Gives up what has not been read. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {}); // the client may be gone
  }

  prepend(bytes: Buffer): void {
    this.#buffer = Buffer.concat([bytes, this.#buffer]);
  }

  /** Yields what comes before `mark`, and leaves what comes after it. */
  async *until(mark: Buffer): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const at = this.#buffer.indexOf(mark);
      if (at >= 0) {
        const before = this.#buffer.subarray(0, at);
        this.#buffer = this.#buffer.subarray(at + mark.length);
        if (before.length > 0) yield before;
        return;
      }
      // the beginning of a mark may be all that is there of it
      const safe = Math.max(0, this.#buffer.length - mark.length + 1);
      const before = this.#buffer.subarray(0, safe);
      this.#buffer = this.#buffer.subarray(safe);
      if (before.length > 0) yield before;
      await this.#fill();
    }
  }

  async take(length: number): Promise<Buffer> {
    while (this.#buffer.length < length) await this.#fill();
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  /** Reads the headers of a part, up to the empty line. */
  async headers(): Promise<string> {
    const end = Buffer.from("\r\n\r\n");
    const start = Buffer.from("\r\n"); // a part may have none
    this.prepend(start);
    let at: number;
    while ((at = this.#buffer.indexOf(end)) < 0) {
      if (this.#buffer.length > MAX_HEADER_BYTES) throw noForm();
      await this.#fill();
    }
    const text = this.#buffer.subarray(0, at).toString("utf8");
    this.#buffer = this.#buffer.subarray(at + end.length);
    return text;
  }

  async #fill(): Promise<void> {
    const { value, done } = await this.#reader.read();
    if (done) throw noForm("it ends too early");
    this.#buffer = this.#buffer.length === 0
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      : Buffer.concat([this.#buffer, value]);
  }
}

function parseDisposition(headers: string): Pick<FormPart, "name" | "filename"> {
  const line = /^content-disposition:\s*form-data\b(.*)$/im.exec(headers)?.[1] ?? "";
  const value = (key: string) => {
    const text = new RegExp(`;\\s*${key}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, "i").exec(line);
    const raw = text?.[1] ?? text?.[2];
    // quotes and line breaks are escaped as HTML's standard has it, or with backslashes
    return raw?.replaceAll("%22", '"').replaceAll("%0D", "\r").replaceAll("%0A", "\n")
      .replaceAll(/\\(["\\])/g, "$1");
  };
  const name = value("name");
  if (name === undefined) throw noForm();
  return { name, filename: value("filename") };
}

function noForm(state = 'send "multipart/form-data" with "file" and "purpose"'): ApiError {
  return new ApiError(400, `The body must be a form: ${state}`, { code: "invalid_form" });
}
