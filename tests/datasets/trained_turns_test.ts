import assert from "node:assert/strict";
import fc from "fast-check";
import { createMicroBatch } from "../../src/datasets/batch.ts";
import { encodeRow, type Example } from "../../src/datasets/encode.ts";
import { IGNORED_LABEL } from "../../src/datasets/labels.ts";
import type { MessagesRow } from "../../src/datasets/row.ts";
import type { TrainOn } from "../../src/datasets/train_on.ts";
import type { ChatMessage, Tokenizer } from "../../src/models/tokenizer/tokenizer.ts";
import {
  configWith,
  GOLDEN_TEMPLATES,
  type GoldenTemplate,
  openSmallTokenizer,
  readGoldenTemplate,
  TURN_ENDS,
} from "../models/tokenizer/golden_templates.ts";
import { openGoldenTokenizer } from "../models/tokenizer/golden_tokenizers.ts";
import { testWithData } from "../shared_data.ts";
import { alternating } from "./arbitrary_conversations.ts";

const place = { path: "data.jsonl", line: 7 };

/** Whitespace as Python has it, which takes no byte order mark for some. */
const PYTHON_SPACE =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*";
const strip = (text: string): string =>
  text.replace(new RegExp(`^${PYTHON_SPACE}`), "").replace(new RegExp(`${PYTHON_SPACE}$`), "");

/**
 * What a model is to write where its turn is asked for, worked out from reading each template; `undefined` where reading
 * is not enough.
 */
const ANSWERS: Readonly<Record<GoldenTemplate, (content: string) => string | undefined>> = {
  chatml: (content) => content,
  chatml_generation: (content) => content,
  gemma: strip,
  llama3: strip,
  mistral: (content) => ` ${content}`,
  qwen3: (content) =>
    content.includes("</think>")
      ? undefined
      : `<think>\n\n</think>\n\n${content.replace(/^\n+/, "")}`,
};

/** Templates that write an earlier turn as they wrote it when it was the last one. */
const KEEPS_TURNS = GOLDEN_TEMPLATES.filter((name) => name !== "qwen3");

interface Encoder {
  readonly tokenizer: Tokenizer;
  encode(messages: readonly ChatMessage[], options?: EncodeOptions): Example;
}

interface EncodeOptions {
  readonly trainOn?: TrainOn;
  readonly trained?: readonly boolean[];
  readonly maxLength?: number;
}

const encoders = new Map<GoldenTemplate, Encoder>();

function encoderOf(name: GoldenTemplate): Encoder {
  const known = encoders.get(name) ?? createEncoder(openSmallTokenizer(name));
  encoders.set(name, known);
  return known;
}

function createEncoder(tokenizer: Tokenizer): Encoder {
  return {
    tokenizer,
    encode(messages, { trainOn, trained, maxLength = 1_000_000 } = {}) {
      const row: MessagesRow = {
        kind: "messages",
        messages,
        tools: undefined,
        ...trained && { trained },
      };
      const { examples } = encodeRow(row, { place, tokenizer, maxLength, trainOn });
      return examples[0] ?? { inputIds: new Int32Array(), labels: new Int32Array() };
    },
  };
}

/** The runs of trained tokens as [start, end); each label must be the id in its place. */
function runs({ inputIds, labels }: Example): [number, number][] {
  assert.equal(labels.length, inputIds.length);
  const found: [number, number][] = [];
  labels.forEach((label, i) => {
    if (label === IGNORED_LABEL) return;
    assert.equal(label, inputIds[i]);
    if (i > 0 && labels[i - 1] !== IGNORED_LABEL) found.at(-1)![1] = i + 1;
    else found.push([i, i + 1]);
  });
  return found;
}

const idsOf = (example: Example): number[] => [...example.inputIds];
const speaking = (messages: readonly ChatMessage[]): number[] =>
  messages.flatMap(({ role }, i) => role === "assistant" ? [i] : []);

for (const name of GOLDEN_TEMPLATES) {
  const numRuns = 150;

  testWithData(`ids of any conversation read as what the template wrote: ${name}`, {
    data: "golden/chat",
  }, () => {
    const { tokenizer, encode } = encoderOf(name);
    fc.assert(
      fc.property(alternating, (messages) => {
        const { text } = tokenizer.renderChat(messages);
        const ids = idsOf(encode(messages));
        assert.equal(tokenizer.decode(ids, { skipSpecialTokens: false }), text.toWellFormed());
      }),
      { numRuns },
    );
  });

  testWithData(
    `what is trained of a turn is what goes on from the prompt that is served: ${name}`,
    { data: "golden/chat" },
    () => {
      const { tokenizer, encode } = encoderOf(name);
      const turnEnd = tokenizer.encode(TURN_ENDS[name]);
      assert.equal(turnEnd.length, 1);
      assert.ok(tokenizer.eosTokenIds.includes(turnEnd[0]!));
      fc.assert(
        fc.property(alternating, (messages) => {
          for (const index of speaking(messages)) {
            const prompt = tokenizer.renderChat(messages.slice(0, index), {
              addGenerationPrompt: true,
              separateTurns: true,
            });
            const example = encode(messages.slice(0, index + 1), { trainOn: "last" });
            const ids = idsOf(example);
            assert.deepEqual(ids.slice(0, prompt.ids.length), prompt.ids);
            const [[start, end]] = runs(example) as [[number, number]];
            assert.equal(start, prompt.ids.length);
            assert.equal(ids[end - 1], turnEnd[0]);
            assert.ok(ids.length - end <= 1, "nothing but a line break follows");
            const answer = ANSWERS[name](messages[index]!.content);
            if (answer === undefined) continue;
            assert.equal(
              tokenizer.decode(ids.slice(start, end), { skipSpecialTokens: false }),
              answer.toWellFormed() + TURN_ENDS[name],
            );
          }
        }),
        { numRuns },
      );
    },
  );

  testWithData(`truncation and padding leave labels in their places: ${name}`, {
    data: "golden/chat",
  }, () => {
    const { tokenizer, encode } = encoderOf(name);
    const end = tokenizer.eosTokenIds[0]!;
    fc.assert(
      fc.property(alternating, fc.integer({ min: 2, max: 200 }), (messages, maxLength) => {
        const whole = encode(messages);
        const cut = encode(messages, { maxLength });
        assert.deepEqual(idsOf(cut), idsOf(whole).slice(0, cut.inputIds.length));
        assert.deepEqual(cut.labels, whole.labels.subarray(0, cut.labels.length));
        if (cut.inputIds.length === 0) {
          assert.ok(whole.labels.subarray(1, maxLength).every((label) => label === IGNORED_LABEL));
          return;
        }
        // the pad token is the end token, and the ends that are no padding are trained
        const batch = createMicroBatch([[cut]], { batchSize: 2, padTokenId: end });
        const targets = batch.labels.subarray(0, batch.seqLen);
        cut.labels.forEach((label, i) => i > 0 && assert.equal(targets[i - 1], label));
        assert.ok(targets.subarray(cut.labels.length - 1).every((it) => it === IGNORED_LABEL));
        const trainedEnds = cut.labels.filter((label, i) => i > 0 && label === end).length;
        assert.equal(batch.labels.filter((label) => label === end).length, trainedEnds);
      }),
      { numRuns },
    );
  });

  testWithData(`--train-on last and rows' own exclusions take turns away: ${name}`, {
    data: "golden/chat",
  }, () => {
    const { encode } = encoderOf(name);
    fc.assert(
      fc.property(alternating, fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }), (m, may) => {
        const turns = speaking(m);
        const trained = m.map((_, i) => turns.includes(i) && may[i % 9]!);
        const kept = turns.filter((i) => trained[i]);
        const only = (i: number) => runs(encode(m, { trained: m.map((_, k) => k === i) }));
        const each = new Map(turns.map((i) => [i, only(i)]));
        assert.ok([...each.values()].every((found) => found.length === 1));
        assert.deepEqual(runs(encode(m)), turns.flatMap((i) => each.get(i)!));
        assert.deepEqual(runs(encode(m, { trained })), kept.flatMap((i) => each.get(i)!));
        assert.deepEqual(
          runs(encode(m, { trained, trainOn: "last" })),
          kept.slice(-1).flatMap((i) => each.get(i)!),
        );
        const all = encode(m, { trainOn: "all", trained });
        if (all.inputIds.length === 0) return;
        const untrained = turns.filter((i) => !trained[i]).flatMap((i) => each.get(i)!)
          .reduce((sum, [start, end]) => sum + end - start, 0);
        assert.equal(all.labels.filter((label) => label === IGNORED_LABEL).length, untrained);
      }),
      { numRuns: numRuns / 3 },
    );
  });
}

for (const name of KEEPS_TURNS) {
  testWithData(
    `several turns train what each of them would: ${name}`,
    { data: "golden/chat" },
    () => {
      const { tokenizer, encode } = encoderOf(name);
      fc.assert(
        fc.property(alternating, (messages) => {
          const whole = encode(messages);
          const wanted = speaking(messages).map((index) => {
            const alone = encode(messages.slice(0, index + 1), { trainOn: "last" });
            const [[start, end]] = runs(alone) as [[number, number]];
            assert.deepEqual(idsOf(alone).slice(0, end), idsOf(whole).slice(0, end));
            return [start, end];
          });
          assert.deepEqual(runs(whole), wanted);
          assert.equal(tokenizer.padTokenId, undefined);
        }),
        { numRuns: 100 },
      );
    },
  );
}

for (const folder of ["tokenizers/mistral-v0.1", "models/TinyStories-656K"]) {
  testWithData(
    `what is trained begins with the prompt where tokens are no bytes: ${folder}`,
    { data: folder },
    (path) => {
      for (const name of ["mistral", "chatml_generation"] as const) {
        const config = configWith(readGoldenTemplate(name));
        const { tokenizer, encode } = createEncoder(
          openGoldenTokenizer(path, { "tokenizer_config.json": config }),
        );
        const textOf = (ids: readonly number[]) =>
          tokenizer.decode(ids, { skipSpecialTokens: false });
        fc.assert(
          fc.property(alternating, (messages) => {
            for (const index of speaking(messages)) {
              const shown = messages.slice(0, index + 1);
              const example = encode(shown, { trainOn: "last" });
              const ids = idsOf(example);
              const prompt = tokenizer.renderChat(shown.slice(0, -1), {
                addGenerationPrompt: true,
                separateTurns: true,
              });
              assert.deepEqual(ids.slice(0, prompt.ids.length), prompt.ids);
              assert.equal(runs(example)[0]?.[0], prompt.ids.length);
              assert.equal(textOf(ids), textOf(tokenizer.renderChat(shown).ids));
            }
          }),
          { numRuns: 40 },
        );
      }
    },
  );
}
