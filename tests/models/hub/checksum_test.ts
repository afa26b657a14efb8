import assert from "node:assert/strict";
import { expectChecksum } from "../../../src/models/hub/checksum.ts";

/** Sums of "hello" and a line break, as `git hash-object` and `sha256sum` print them. */
const HELLO = {
  git: "ce013625030ba8dba906f756967f9e9ca394464a",
  sha256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
};

Deno.test("expectChecksum() sums as git and sha256sum do, in pieces of any length", () => {
  const bytes = new TextEncoder().encode("hello\n");
  for (const etag of Object.values(HELLO)) {
    for (const cut of [0, 1, 5, 6]) {
      const checksum = expectChecksum(etag, { sizeBytes: bytes.length });
      checksum.update(bytes.subarray(0, cut));
      checksum.update(bytes.subarray(cut));
      assert.ok(checksum.matches(), `${etag} ${cut}`);
    }
    const short = expectChecksum(etag, { sizeBytes: bytes.length });
    short.update(bytes.subarray(1));
    assert.ok(!short.matches());
  }
});

Deno.test("expectChecksum() holds tags of another kind to nothing", () => {
  assert.ok(expectChecksum("5d41402abc4b2a76-3", { sizeBytes: 1 }).matches());
});
