/**
 * A toy model whose next token depends on the last one only, and a tokenizer of bytes: what they must generate
 * can be worked out by hand.
 *
 * @module
 */

import type {
  Decoder,
  DecoderSequence,
  ExtendOptions,
  Extension,
} from "../../src/inference/generation/decoder.ts";
import type { LoadedModel } from "../../src/inference/generation/loaded_model.ts";
import type {
  ChatMessage,
  DecodeOptions,
  RenderChatOptions,
  Tokenizer,
} from "../../src/models/tokenizer/tokenizer.ts";

/** Ends a sequence. */
export const EOS = 256;

/** Extent of the logits: the bytes and the end. */
export const VOCAB_SIZE = 257;

/** What the model says after a space: the alphabet, one letter of two bytes, a mark, the end. */
export const SONG = "abcdefghijklmnopqrstuvwxyzö!";

/** The toy decoder, with its books. */
export interface ToyDecoder extends Decoder {
  /** The sizes of the extensions of each call. */
  readonly calls: readonly (readonly number[])[];
  /** How many sequences are open. */
  readonly openSequences: number;
}

/** Options of {@linkcode createToyDecoder}. */
export interface ToyDecoderOptions {
  /** The most tokens a sequence may hold. @default {256} */
  readonly maxPositions?: number;
  /** Gives hidden states: of a token the row `[id, 1, 2]`. @default {false} */
  readonly hasHidden?: boolean;
  /** Called before each extension; what it returns is awaited. */
  readonly beforeExtend?: () => Promise<void> | void;
}

/** Creates the toy decoder: the byte `b` is followed by the byte `successor(b)`, others are less likely. */
export function createToyDecoder(options: ToyDecoderOptions = {}): ToyDecoder {
  const { maxPositions = 256, hasHidden = false, beforeExtend } = options;
  const calls: number[][] = [];
  let openSequences = 0;
  const sequences = new Map<DecoderSequence, number[]>();
  return {
    vocabSize: VOCAB_SIZE,
    hiddenSize: hasHidden ? 3 : undefined,
    maxPositions,
    adapters: [],
    memory: undefined,
    calls,
    get openSequences() {
      return openSequences;
    },
    open() {
      openSequences++;
      const ids: number[] = [];
      const sequence: DecoderSequence = {
        get length() {
          return ids.length;
        },
        [Symbol.dispose]() {
          if (sequences.delete(sequence)) openSequences--;
        },
      };
      sequences.set(sequence, ids);
      return sequence;
    },
    async extend(extensions: readonly Extension[], { everyPosition, hidden }: ExtendOptions = {}) {
      await beforeExtend?.();
      calls.push(extensions.map(({ ids }) => ids.length));
      return extensions.map(({ sequence, ids }) => {
        const read = sequences.get(sequence);
        if (read === undefined) throw new Error("the sequence is closed");
        read.push(...ids);
        if (read.length > maxPositions) throw new RangeError("the sequence is full");
        if (hidden) return Float32Array.from(ids.flatMap((id) => [id, 1, 2]));
        const positions = everyPosition ? ids : ids.slice(-1);
        const logits = new Float32Array(positions.length * VOCAB_SIZE);
        for (const [row, id] of positions.entries()) {
          logits.set(toyLogits(id), row * VOCAB_SIZE);
        }
        return logits;
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The logits after token `id`. */
export function toyLogits(id: number): Float32Array {
  const logits = Float32Array.from({ length: VOCAB_SIZE }, (_, next) => -((next * 7 + id) % 13));
  logits[successor(id)] = 4;
  return logits;
}

/** The likeliest token after `id`: the next byte of the song, the end after what is not in it. */
export function successor(id: number): number {
  if (id === 0x20) return 0x61; // space → a
  if (id >= 0x61 && id < 0x7a) return id + 1; // a → b … y → z
  if (id === 0x7a) return 0xc3; // z → ö, in two bytes
  if (id === 0xc3) return 0xb6;
  if (id === 0xb6) return 0x21; // ö → !
  return EOS;
}

/** A tokenizer of UTF-8 bytes. */
export function createToyTokenizer(): Tokenizer {
  const encode = (text: string) => [...new TextEncoder().encode(text)];
  const decode = (ids: readonly number[], { skipSpecialTokens = true }: DecodeOptions = {}) => {
    const parts: string[] = [];
    let bytes: number[] = [];
    const flush = () => {
      parts.push(new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes)));
      bytes = [];
    };
    for (const id of ids) {
      if (id < EOS) bytes.push(id);
      else if (!skipSpecialTokens) {
        flush();
        parts.push("<end>");
      }
    }
    flush();
    return parts.join("");
  };
  return {
    vocabSize: VOCAB_SIZE,
    bosTokenId: undefined,
    eosTokenIds: [EOS],
    padTokenId: undefined,
    hasChatTemplate: true,
    chatTemplate: "",
    files: new Map(),
    encode,
    decode,
    renderChat(messages: readonly ChatMessage[], options: RenderChatOptions = {}) {
      const turns = messages.map(({ role, content }) => `${role}: ${content}\n`).join("");
      const text = options.addGenerationPrompt ? `${turns}assistant: ` : turns;
      const ids = encode(text);
      return { text, ids, assistantSpans: [], assistantMask: ids.map(() => 0) };
    },
  };
}

/** Options of {@linkcode createToyModel}. */
export interface ToyModelOptions extends ToyDecoderOptions {
  /** Its tokenizer; `null` for none. */
  readonly tokenizer?: Tokenizer | null;
}

/** Creates the toy model. */
export function createToyModel(
  options: ToyModelOptions = {},
): LoadedModel & { readonly decoder: ToyDecoder } {
  const { tokenizer = createToyTokenizer() } = options;
  const decoder = createToyDecoder(options);
  return {
    id: "toy",
    folder: "/models/toy",
    device: "wasm",
    weightType: "f32",
    deviceReason: "it is a toy",
    decoder,
    tokenizer: tokenizer ?? undefined,
    eosTokenIds: [EOS],
    generationConfig: {},
    [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose](),
  };
}
