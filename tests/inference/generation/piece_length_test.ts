/** {@linkcode pieceLength} */

import assert from "node:assert/strict";
import { pieceLength } from "../../../src/inference/generation/piece_length.ts";

Deno.test("pieceLength() leaves no token alone, whatever it may read", () => {
  for (let total = 2; total <= 200; total++) {
    for (const most of [1, 2, 3, 7, 16, 17, 33, 40, 512]) {
      let read = 0;
      while (read < total) {
        const length = pieceLength(total - read, most);
        assert.ok(length % 16 !== 1, `${length} of ${total - read}, at most ${most}`);
        assert.ok(length <= Math.max(most + 1, 3), `${length} of ${total - read}, at most ${most}`);
        read += length;
      }
      assert.equal(read, total);
    }
  }
  assert.equal(pieceLength(1, 512), 1);
});

Deno.test("pieceLength() reads what it may where nothing speaks against it", () => {
  assert.equal(pieceLength(100, 512), 100);
  assert.equal(pieceLength(1000, 512), 512);
  assert.equal(pieceLength(513, 512), 511);
  assert.equal(pieceLength(33, 512), 31);
});
