/**
 * Normalisers: what is done to a text before it is split.
 *
 * @module
 */

import { SequenceNormalizer } from "@huggingface/tokenizers";
import { asArray, fromLibrary, parseStage, type Stage } from "./tokenizer_json.ts";

/** Changes a text. */
export type Normalizer = (text: string) => string;

/** Creates what the `normalizer` of a `tokenizer.json` describes. */
export function createNormalizer(stage: Stage | undefined): Normalizer {
  const steps = flatten(stage).map(createStep);
  return (text) => steps.reduce((changed, step) => changed === "" ? "" : step(changed), text);
}

function flatten(stage: Stage | undefined): Stage[] {
  if (stage === undefined) return [];
  if (stage.type !== "Sequence") return [stage];
  return asArray(stage.normalizers, '"normalizer.normalizers"')
    .flatMap((inner, i) => flatten(parseStage(inner, `"normalizer.normalizers[${i}]"`)));
}

function createStep(stage: Stage): Normalizer {
  // JavaScript's white space is not Unicode's
  if (stage.type === "Strip") {
    const { strip_left: left, strip_right: right } = stage;
    return (text) => {
      const open = left === false ? text : text.replace(/^\p{White_Space}+/u, "");
      return right === false ? open : open.replace(/\p{White_Space}+$/u, "");
    };
  }
  const normalizer = fromLibrary(
    stage,
    "normalizer",
    () =>
      new SequenceNormalizer(
        { type: "Sequence", normalizers: [stage] } as unknown as ConstructorParameters<
          typeof SequenceNormalizer
        >[0],
      ),
  );
  return (text) => normalizer.normalize(text);
}
