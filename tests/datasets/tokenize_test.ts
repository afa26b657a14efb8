import assert from "node:assert/strict";
import type { EncodeSettings } from "../../src/datasets/encode_batch.ts";
import type { RecordBatch } from "../../src/datasets/token_store/store_file.ts";
import {
  type BatchEncoder,
  localEncoder,
  type ReadRow,
  tokenizeRows,
} from "../../src/datasets/tokenize.ts";
import { openWorkerEncoder } from "../../src/datasets/worker_encoder.ts";
import { trainBpe } from "../../src/models/tokenizer/bpe_trainer.ts";
import { createTokenizer } from "../../src/models/tokenizer/load_tokenizer.ts";
import { createRandom } from "../../src/utils/random.ts";

const random = createRandom(8);
const words = "the quick brown fox jumps over a lazy dog and runs far away home".split(" ");
const text = () =>
  Array.from({ length: 3 + random.integer(20) }, () => words[random.integer(14)])
    .join(" ");
const TEXTS = Array.from({ length: 3000 }, text);

const settings: EncodeSettings = {
  tokenizer: createTokenizer(trainBpe({ texts: TEXTS, vocabSize: 300 })),
  maxLength: 24,
  vocabSize: 300,
};

/** Rows of all kinds. */
async function* rows(texts = TEXTS): AsyncGenerator<ReadRow> {
  for (const [i, text] of texts.entries()) {
    yield {
      row: i % 3 === 0
        ? { kind: "text", text }
        : i % 3 === 1
        ? { kind: "completion", prompt: text.slice(0, 20), completion: text.slice(20) || "." }
        : {
          kind: "messages",
          messages: [{ role: "user", content: text }, { role: "assistant", content: text }],
          tools: undefined,
        },
      place: { path: "a.jsonl", line: i + 1 },
      endByte: 100 * (i + 1),
    };
  }
}

async function tokenized(encoder: BatchEncoder, given = rows()) {
  const batches: RecordBatch[] = [];
  const progress: number[] = [];
  const counts = await tokenizeRows(given, {
    encoder,
    sink: (batch) => Promise.resolve(void batches.push(batch)),
    onProgress: ({ rows, bytes }) => {
      assert.equal(bytes, 100 * rows);
      progress.push(rows);
    },
  });
  return { counts, batches, progress };
}

Deno.test("tokenizeRows() gives the same in threads as in this one, in the same order", async () => {
  await using local = localEncoder(settings);
  const expected = await tokenized(local);
  assert.equal(expected.counts.rows, 3000);
  assert.ok(expected.counts.truncatedRows > 100);
  assert.deepEqual(expected.progress, expected.progress.toSorted((a, b) => a - b));
  assert.equal(expected.progress.at(-1), 3000);
  for (const threads of [1, 3]) {
    await using encoder = openWorkerEncoder(settings, threads);
    assert.deepEqual(await tokenized(encoder), expected);
  }
});

Deno.test("tokenizeRows() tells the first mistake of the file, wherever it shows first", async () => {
  /** A row that cannot be encoded comes in a batch before one that cannot be read. */
  async function* mistaken(): AsyncGenerator<ReadRow> {
    for await (const row of rows()) {
      if (row.place.line === 700) {
        yield {
          ...row,
          row: { kind: "tokens", inputIds: Int32Array.of(999), labels: Int32Array.of(1) },
        };
      } else if (row.place.line === 710) throw new Error("line 710 cannot be read");
      else yield row;
    }
  }
  await using local = localEncoder(settings);
  await using threads = openWorkerEncoder(settings, 2);
  for (const encoder of [local, threads]) {
    await assert.rejects(tokenized(encoder, mistaken()), {
      name: "UserError",
      message: /^Cannot use line 700 of "a\.jsonl": .*token id 999/,
    });
  }
});

Deno.test("tokenizeRows() reads no further than encoding comes along", async () => {
  let read = 0;
  async function* counted(): AsyncGenerator<ReadRow> {
    for await (const row of rows()) {
      read++;
      yield row;
    }
  }
  let encoded = 0;
  const slow: BatchEncoder = {
    width: 2,
    encode: async (batch) => {
      await Promise.resolve();
      assert.ok(read - encoded <= 4 * 512, `${read - encoded} rows are held`);
      encoded += batch.length;
      return await localEncoder(settings).encode(batch);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  assert.equal((await tokenized(slow, counted())).counts.rows, 3000);
});
