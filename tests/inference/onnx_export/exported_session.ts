/**
 * An exported model, run by the engine as transformers.js runs it.
 *
 * @module
 */

import { openSession } from "../../../src/engine/runtime/open_session.ts";
import type { Device } from "../../../src/engine/runtime/session.ts";
import { float32ToFloat16 } from "../../../src/engine/tensor/float16.ts";
import { type Tensor, tensor, zeros } from "../../../src/engine/tensor/tensor.ts";
import type { LanguageModel } from "../../../src/models/language_model.ts";

type Rows = readonly (readonly number[])[];

/** What a run reads. */
export interface ExportedBatch {
  /** Tokens to read. */
  readonly ids: Rows;
  /** 1 for each token, earlier ones included. */
  readonly mask: Rows;
  /** Position of each token to read. */
  readonly positions: Rows;
}

/** Keys and values by the name of the input that they go into. */
export type ExportedCache = Readonly<Record<string, Tensor>>;

/** What a run makes. */
export interface ExportedResult {
  /** [batch, seqLen, vocabSize]. */
  readonly logits: Tensor<"float32">;
  /** Keys and values of all tokens so far. */
  readonly cache: ExportedCache;
}

/** An open model. */
export interface ExportedSession extends AsyncDisposable {
  /** Names of the inputs. */
  readonly inputNames: readonly string[];
  /** Reads tokens after those of a cache. */
  run(batch: ExportedBatch, cache?: ExportedCache): Promise<ExportedResult>;
}

/** Opens the `.onnx` file at `path`. */
export async function openExported(
  path: string,
  { model, device, half = false }: {
    readonly model: LanguageModel;
    readonly device: Device;
    readonly half?: boolean;
  },
): Promise<ExportedSession> {
  const session = await openSession(await Deno.readFile(path), {
    device,
    threads: 2,
    forbidFallback: false,
  });
  const empty = (batch: number): ExportedCache => {
    const none = zeros("float32", [batch, model.numKeyValueHeads, 0, model.headDim]);
    const cache: Tensor = half
      ? { dtype: "float16", shape: none.shape, data: float32ToFloat16(none.data) }
      : none;
    return Object.fromEntries(
      Array.from({ length: model.numLayers }, (_, i) => i).flatMap((layer) => [
        [`past_key_values.${layer}.key`, cache],
        [`past_key_values.${layer}.value`, cache],
      ]),
    );
  };
  return {
    inputNames: session.inputNames,
    async run({ ids, mask, positions }, cache = empty(ids.length)) {
      const { logits, ...present } = await session.run({
        input_ids: integers(ids),
        attention_mask: integers(mask),
        position_ids: integers(positions),
        ...cache,
      }) as Record<string, Tensor>;
      return {
        logits: logits as Tensor<"float32">,
        cache: Object.fromEntries(
          Object.entries(present).map(([name, kept]) => [
            name.replace("present", "past_key_values"),
            kept,
          ]),
        ),
      };
    },
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

function integers(rows: Rows): Tensor {
  return tensor(
    "int64",
    [rows.length, rows[0]!.length],
    BigInt64Array.from(rows.flat(), BigInt),
  );
}
