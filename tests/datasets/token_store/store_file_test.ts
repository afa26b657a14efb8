import assert from "node:assert/strict";
import { join } from "node:path";
import type { Example } from "../../../src/datasets/encode.ts";
import { encodeBatch } from "../../../src/datasets/encode_batch.ts";
import {
  openTokenStore,
  TokenStoreError,
  writeTokenStore,
} from "../../../src/datasets/token_store/store_file.ts";
import { createRandom } from "../../../src/utils/random.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const random = createRandom(4);
const EXAMPLES: readonly Example[] = Array.from({ length: 50 }, () => {
  const inputIds = Int32Array.from({ length: 2 + random.integer(30) }, () => random.integer(900));
  return { inputIds, labels: inputIds.map((id, i) => i < 2 ? -100 : id) };
});

async function write(path: string): Promise<void> {
  const rows = EXAMPLES.map((example, i) => ({
    row: { kind: "tokens" as const, ...example },
    place: { path, line: i + 1 },
  }));
  const settings = { tokenizer: undefined, maxLength: 64, vocabSize: 900 };
  await writeTokenStore(path, {
    idBytes: 2,
    fill: async (sink) => {
      for (let i = 0; i < rows.length; i += 7) {
        await sink(encodeBatch(rows.slice(i, i + 7), settings));
      }
      return { rows: rows.length };
    },
  });
}

Deno.test("openTokenStore() reads every example, in any order", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.tokens");
  await write(path);
  using store = openTokenStore(path);
  assert.deepEqual(store.summary, { rows: 50 });
  assert.deepEqual([...store.lengths], EXAMPLES.map(({ inputIds }) => inputIds.length));
  for (let i = EXAMPLES.length - 1; i >= 0; i--) assert.deepEqual(store.read(i), EXAMPLES[i]);
});

Deno.test("openTokenStore() refuses a file in which any byte has changed, or that is cut anywhere", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.tokens");
  await write(path);
  const whole = await Deno.readFile(path);
  const refuses = async (bytes: Uint8Array, what: string) => {
    await Deno.writeFile(path, bytes);
    assert.throws(() => openTokenStore(path)[Symbol.dispose](), TokenStoreError, what);
  };
  const step = Math.ceil(whole.length / 150);
  for (let at = 0; at < whole.length; at += step) {
    const changed = whole.slice();
    changed[at]! ^= 1 << (at % 8);
    await refuses(changed, `byte ${at} of ${whole.length}`);
    await refuses(whole.subarray(0, at), `${at} bytes of ${whole.length}`);
  }
  for (let at = whole.length - 16; at < whole.length; at++) {
    const changed = whole.slice();
    changed[at]! ^= 64;
    await refuses(changed, `byte ${at} of ${whole.length}`);
  }
});
