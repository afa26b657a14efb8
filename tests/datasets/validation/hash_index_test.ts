import assert from "node:assert/strict";
import {
  createHashIndex,
  type Fingerprint,
  fingerprint,
} from "../../../src/datasets/validation/hash_index.ts";
import { createRandom } from "../../../src/utils/random.ts";

Deno.test("createHashIndex() remembers what each fingerprint came with first, as a Map does", () => {
  const random = createRandom(1);
  const index = createHashIndex();
  const map = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    // few words, so that fingerprints share slots and come again
    const key: Fingerprint = [random.integer(50), random.integer(200)];
    const known = map.get(key.join());
    assert.equal(index.get(key), known);
    assert.equal(index.put(key, i), known);
    if (known === undefined) map.set(key.join(), i);
  }
  assert.equal(index.size, map.size);
});

Deno.test("fingerprint() tells texts apart", () => {
  const seen = new Set(Array.from({ length: 20_000 }, (_, i) => fingerprint(`${i}`).join()));
  assert.equal(seen.size, 20_000);
  assert.deepEqual(fingerprint("a"), fingerprint("a"));
});
