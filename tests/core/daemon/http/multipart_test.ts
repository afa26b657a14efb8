import assert from "node:assert/strict";
import fc from "fast-check";
import { formParts, partText } from "../../../../src/core/daemon/http/multipart.ts";

/** A request whose body comes in pieces of the lengths `cuts`, over and over. */
function inPieces(bytes: Uint8Array, type: string, cuts: readonly number[]): Request {
  let at = 0;
  let turn = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      const end = at + cuts[turn++ % cuts.length]!;
      controller.enqueue(bytes.slice(at, end));
      at = end;
    },
  });
  return new Request("http://localhost", {
    method: "POST",
    headers: { "content-type": type },
    body,
  });
}

Deno.test("formParts() reads what FormData wrote, however it is cut into pieces", async () => {
  // `%22` in a name is written as `"` is, and read as such
  const names = fc.string({ minLength: 1, maxLength: 12 }).filter((name) =>
    /^[\w "%.-]+$/.test(name) && !/%(?:22|0A|0D)/.test(name)
  );
  // pieces of the delimiter itself are what a parser may stumble over
  const content = fc.array(fc.constantFrom("\r", "\n", "\r\n", "--", "-", "x", "\r\n--", "é", "0"))
    .map(
      (parts) => parts.join(""),
    );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(names, content, fc.option(names)), { maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 5 }),
      async (fields, cuts) => {
        const form = new FormData();
        for (const [name, text, filename] of fields) {
          if (filename === null) form.append(name, text.replaceAll(/\r\n|\r|\n/g, "\r\n"));
          else form.append(name, new File([text], filename));
        }
        const written = new Response(form);
        const bytes = new Uint8Array(await written.clone().arrayBuffer());
        const request = inPieces(bytes, written.headers.get("content-type")!, cuts);
        const found: unknown[] = [];
        for await (const part of formParts(request)) {
          found.push([part.name, await partText(part, { maxBytes: 1e6 }), part.filename ?? null]);
        }
        const expected = await Promise.all(
          [...form.entries()].map(async ([name, value]) =>
            value instanceof File ? [name, await value.text(), value.name] : [name, value, null]
          ),
        );
        assert.deepEqual(found, expected);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("formParts() refuses what is no form, and one that ends too early", async () => {
  const read = async (text: string, type: string) => {
    const request = inPieces(new TextEncoder().encode(text), type, [5]);
    for await (const part of formParts(request)) await partText(part, { maxBytes: 10 });
  };
  const type = "multipart/form-data; boundary=b";
  await assert.rejects(read("{}", "application/json"), { status: 400 });
  await assert.rejects(
    read("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nxy", type),
    /ends too early/,
  );
  await assert.rejects(read("--b\r\n\r\n\r\nx\r\n--b--", type), { status: 400 });
  await assert.rejects(
    read("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nmore than ten\r\n--b--", type),
    { status: 413 },
  );
  await read("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--\r\n", type);
});
