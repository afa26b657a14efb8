/**
 * ONNX Runtime as `@huggingface/transformers` asks for it, over our own sessions: they know the devices, their threads
 * and the executable's own copies of the library.
 *
 * @module
 */

import { Tensor as OrtTensor, type TypedTensor } from "onnxruntime-common";
import { fromOrtTensor, requireFeedable } from "../../engine/runtime/ort_tensor.ts";
import { openSession } from "../../engine/runtime/open_session.ts";
import type { Session, SessionOptions } from "../../engine/runtime/session.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import { UserError } from "../../utils/errors.ts";

/** What the library uses of a session. */
export interface ForeignSession {
  /** Names of its inputs. */
  readonly inputNames: readonly string[];
  /** Names of its outputs. */
  readonly outputNames: readonly string[];
  /** Runs the model. */
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Record<string, OrtTensor>>;
  /** Frees it. */
  release(): Promise<void>;
}

/** What the library uses of ONNX Runtime. */
export interface ForeignRuntime {
  /** Settings; nothing reads them, but the library writes and looks. */
  readonly env: Record<string, unknown>;
  /** The class of tensors. */
  readonly Tensor: typeof OrtTensor;
  /** Opens sessions. */
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: { readonly externalData?: unknown },
    ): Promise<ForeignSession>;
  };
}

/** Names files that must not be fetched: what they hold is loaded already. */
const LOADED_URL = "blob:loaded";

/** Returns a runtime that opens models with `options`. */
export function createForeignRuntime(options: SessionOptions): ForeignRuntime {
  return {
    env: { wasm: { wasmPaths: { mjs: LOADED_URL, wasm: LOADED_URL } }, webgpu: {}, versions: {} },
    Tensor: OrtTensor,
    InferenceSession: {
      async create(model, { externalData }) {
        if (externalData !== undefined) {
          throw new UserError("its weights lie in a second file; use an ONNX file that holds them");
        }
        return foreignSession(await openSession(model, options));
      },
    },
  };
}

function foreignSession(session: Session): ForeignSession {
  const { inputNames, outputNames } = session;
  return {
    inputNames,
    outputNames,
    async run(feeds) {
      const given = Object.entries(feeds).map(([name, tensor]) => [name, fromOrtTensor(tensor)]);
      const outputs = await session.run(Object.fromEntries(given));
      return Object.fromEntries(
        Object.entries(outputs).map(([name, tensor]) => [name, toForeign(tensor as Tensor)]),
      );
    },
    release: () => session[Symbol.asyncDispose](),
  };
}

function toForeign({ dtype, shape, data }: Tensor): OrtTensor {
  const type = requireFeedable(dtype);
  return new OrtTensor(type, data as TypedTensor<typeof type>["data"], shape);
}
