/**
 * `@huggingface/transformers`, loaded when it is first asked for: nothing that starts without it pays for it.
 *
 * Its build for the web is used, since that for Node loads another ONNX Runtime and a library for pictures. The
 * executable has a copy of it.
 *
 * @module
 */

import denoConfig from "../../../deno.json" with { type: "json" };
import { embeddedUrl, isExecutable } from "../../engine/runtime/embedded_file.ts";
import type { SessionOptions } from "../../engine/runtime/session.ts";
import { prepareGlobals } from "../../engine/runtime/web_globals.ts";
import { createForeignRuntime } from "./onnx_sessions.ts";

/** The name of the library's file in the executable. */
export const EMBEDDED_TRANSFORMERS = "transformers.js";

/** A tensor of the library. */
export interface ForeignTensor {
  /** Extent of each dimension. */
  readonly dims: readonly number[];
  /** Elements. */
  readonly data: unknown;
}

/** A tokenizer of the library. */
export interface ForeignTokenizer {
  /** Returns the tokens of a text. */
  encode(text: string, options: { readonly add_special_tokens: boolean }): number[];
  /** Returns the text of tokens. */
  decode(ids: readonly number[], options: { readonly skip_special_tokens: boolean }): string;
}

/** A model of the library: a function of its inputs. */
export interface ForeignModel {
  /** Its `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Runs it. */
  (inputs: Readonly<Record<string, ForeignTensor>>): Promise<Record<string, ForeignTensor>>;
  /** Frees it. */
  dispose(): Promise<unknown>;
}

/** What is used of the library. */
export interface TransformersJs {
  /** Its settings. */
  readonly env: Record<string, unknown>;
  /** Opens tokenizers. */
  readonly AutoTokenizer: { from_pretrained(name: string): Promise<ForeignTokenizer> };
  /** Opens models. */
  readonly AutoModel: {
    from_pretrained(
      name: string,
      options: Readonly<Record<string, unknown>>,
    ): Promise<ForeignModel>;
  };
  /** The class of tensors. */
  readonly Tensor: new (
    type: string,
    data: BigInt64Array,
    dims: readonly number[],
  ) => ForeignTensor;
}

/** Reads a file of a model, or returns `undefined` if there is none. */
export type ReadModelFile = (path: string) => Promise<Uint8Array<ArrayBuffer> | undefined>;

/** Options of {@linkcode loadTransformersJs}. */
export interface TransformersJsOptions {
  /** Where its models run: of the first call, as a JavaScript thread has one copy of the library. */
  readonly session: SessionOptions;
  /** Reads the files of the model that is to be opened. */
  readonly readFile: ReadModelFile;
}

/** The name under which the library asks for the one model that there is. */
export const MODEL_NAME = "model";

/** What the library takes for the hub; names that end so are nobody's. */
const NOWHERE = "http://model.invalid/";

/** Where the library looks for ONNX Runtime before it loads one. */
const RUNTIME = Symbol.for("onnxruntime");

/** Loads the library, which then knows one model by {@linkcode MODEL_NAME}. */
export async function loadTransformersJs(
  { session, readFile }: TransformersJsOptions,
): Promise<TransformersJs> {
  const scope = globalThis as Record<symbol, unknown>;
  prepareGlobals(); // its build has an ONNX Runtime in it
  scope[RUNTIME] = createForeignRuntime(session);
  let library: TransformersJs;
  try {
    library = await import(await libraryUrl());
  } finally {
    delete scope[RUNTIME];
  }
  Object.assign(library.env, {
    allowLocalModels: false,
    allowRemoteModels: true,
    remoteHost: NOWHERE,
    remotePathTemplate: "{model}/",
    useBrowserCache: false,
    useFSCache: false,
    fetch: async (url: string | URL): Promise<Response> => {
      const path = new URL(url).pathname.slice(`/${MODEL_NAME}/`.length);
      const bytes = await readFile(decodeURIComponent(path));
      return new Response(bytes ?? null, { status: bytes === undefined ? 404 : 200 });
    },
  });
  return library;
}

async function libraryUrl(): Promise<string> {
  if (isExecutable()) return embeddedUrl(EMBEDDED_TRANSFORMERS).href;
  const specifier = denoConfig.imports["@huggingface/transformers"];
  // It is in no module's imports, or every installation would fetch it: the first import does.
  if (!import.meta.resolve(specifier).startsWith("file:")) await import(specifier);
  return new URL("./transformers.web.js", import.meta.resolve(specifier)).href;
}
