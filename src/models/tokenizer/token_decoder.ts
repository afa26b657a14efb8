/**
 * Joins tokens into text.
 *
 * Bytes are turned into text here and not by `@huggingface/tokenizers`, which drops a byte order mark; and so is
 * Metaspace, which it always takes to begin with a space. Bytes that are not UTF-8 become U+FFFD as in WHATWG's decoder,
 * so that text can be streamed; Hugging Face's `ByteFallback` would replace the whole run of bytes instead.
 *
 * @module
 */

import { SequenceDecoder } from "@huggingface/tokenizers";
import { fromByteLevel } from "./byte_level.ts";
import { metaspaceScheme } from "./pre_tokenizer.ts";
import { asArray, fromLibrary, parseStage, type Stage } from "./tokenizer_json.ts";

/** Joins tokens into text. */
export type TokenDecoder = (tokens: readonly string[]) => string;

type Step = (tokens: readonly string[]) => readonly string[];

/** Creates what the `decoder` of a `tokenizer.json` describes. */
export function createTokenDecoder(stage: Stage | undefined): TokenDecoder {
  if (stage === undefined) return (tokens) => tokens.join(" ");
  const steps = flatten(stage).map(createStep);
  return (tokens) => steps.reduce((joined, step) => step(joined), tokens).join("");
}

function flatten(stage: Stage): Stage[] {
  if (stage.type !== "Sequence") return [stage];
  return asArray(stage.decoders, '"decoder.decoders"').flatMap((inner, i) => {
    const parsed = parseStage(inner, `"decoder.decoders[${i}]"`);
    return parsed === undefined ? [] : flatten(parsed);
  });
}

function createStep(stage: Stage): Step {
  switch (stage.type) {
    case "ByteLevel":
      return (tokens) => [decodeUtf8(tokens.map(fromByteLevel))];
    case "ByteFallback":
      return decodeByteTokens;
    case "Metaspace": {
      const replacement = typeof stage.replacement === "string" ? stage.replacement : "▁";
      const isPrepended = metaspaceScheme(stage) !== "never";
      return (tokens) =>
        tokens.map((token, i) => token.replaceAll(replacement, isPrepended && i === 0 ? "" : " "));
    }
    default: {
      const other = fromLibrary(
        stage,
        "decoder",
        () =>
          new SequenceDecoder(
            { type: "Sequence", decoders: [stage] } as unknown as ConstructorParameters<
              typeof SequenceDecoder
            >[0],
          ),
      );
      return (tokens) => other.decode_chain([...tokens]);
    }
  }
}

/** Replaces each run of tokens like `<0x0A>` by the text that their bytes spell. */
function decodeByteTokens(tokens: readonly string[]): readonly string[] {
  const joined: string[] = [];
  let run: number[] = [];
  const flush = (): void => {
    if (run.length > 0) joined.push(decodeUtf8([Uint8Array.from(run)]));
    run = [];
  };
  for (const token of tokens) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) {
      run.push(parseInt(byte, 16));
    } else {
      flush();
      joined.push(token);
    }
  }
  flush();
  return joined;
}

function decodeUtf8(chunks: readonly Uint8Array[]): string {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  return chunks.map((chunk) => utf8.decode(chunk, { stream: true })).join("") + utf8.decode();
}
